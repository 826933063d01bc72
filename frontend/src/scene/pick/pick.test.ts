/** What lies under the pointer, against what three would draw there. */

import { Matrix4, PerspectiveCamera, Vector3 } from 'three';
import { describe, expect, it } from 'vitest';
import { openSurface } from '../fixtures/scene';
import { shownFromWorld } from '../frames';
import { pyramidsOf } from '../stage/pyramids';
import type { OctreeNode } from '../tiles/octree';
import { unpackNode } from '../tiles/payload';
import type { Vec3 } from '../vec';
import { pickCamera } from './pickCamera';
import { type Drawn, pickPoint } from './pickPoint';
import { project, times, windowFromClip } from './project';

const [WIDTH, HEIGHT] = [800, 600];

function viewFrom(position: Vec3, target: Vec3): number[] {
  const camera = new PerspectiveCamera(50, WIDTH / HEIGHT, 0.01, 1000);
  camera.position.set(...position);
  camera.lookAt(new Vector3(...target));
  camera.updateMatrixWorld();
  const clip = new Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse);
  return times(windowFromClip(WIDTH, HEIGHT), clip.elements);
}

async function drawnSurface(): Promise<Drawn[]> {
  const file = await openSurface();
  const flat = (node: OctreeNode): OctreeNode[] => [node, ...node.children.flatMap(flat)];
  const nodes = file.root ? flat(file.root) : [];
  return Promise.all(
    nodes.map(async (node) => ({ node, points: unpackNode(await file.readPayload(node.index), node.numPoints) })),
  );
}

function placesOf({ node, points }: Drawn): Vec3[] {
  const at = (i: number, k: 0 | 1 | 2) => node.min[k] + ((points.places[4 * i + k] ?? 0) * node.size) / 65535;
  return Array.from({ length: points.numPoints }, (_, i): Vec3 => [at(i, 0), at(i, 1), at(i, 2)]);
}

describe('points', () => {
  it('are found where they are drawn', async () => {
    const drawn = await drawnSurface();
    const windowFromWorld = viewFrom([0.5, -4, 0.3], [0, 0, 0]);
    for (const some of drawn) {
      for (const place of placesOf(some).filter((_, i) => i % 50 === 0)) {
        const at = project(windowFromWorld, place);
        if (!at) continue;
        const picked = pickPoint(drawn, { x: at.x + 0.3, y: at.y - 0.3, radiusPx: 4, windowFromWorld });
        const found = picked && project(windowFromWorld, picked.position);
        // another one may be nearer, none farther
        expect(found && Math.hypot(found.x - at.x, found.y - at.y)).toBeLessThan(5);
        expect(found?.depth).toBeLessThanOrEqual(at.depth * 1.03);
      }
    }
  });

  it('in front win over those behind', () => {
    const node = {
      index: 0,
      level: 0,
      min: [-1, -1, -1],
      size: 2,
      spacing: 1,
      numPoints: 2,
      children: [],
    } as OctreeNode;
    const middle = 32767.5;
    const points = {
      numPoints: 2,
      places: new Uint16Array([middle, middle, 0, 0, middle, middle, 65535, 0]),
      tints: new Uint8Array(8),
    };
    const windowFromWorld = viewFrom([0, 0, 5], [0, 0, 0]);
    const pick = { x: WIDTH / 2, y: HEIGHT / 2, radiusPx: 5, windowFromWorld };
    expect(pickPoint([{ node, points }], pick)?.point).toBe(1);
    const isCut = ([, , z]: Vec3) => z > 0;
    expect(pickPoint([{ node, points }], { ...pick, isCut })?.point).toBe(0);
    expect(pickPoint([{ node, points }], { ...pick, x: 10 })).toBeNull();
  });

  it('behind the eye are not there', async () => {
    const drawn = await drawnSurface();
    const windowFromWorld = viewFrom([0, 4, 0], [0, 8, 0.1]);
    expect(pickPoint(drawn, { x: WIDTH / 2, y: HEIGHT / 2, radiusPx: 200, windowFromWorld })).toBeNull();
  });
});

describe('cameras', () => {
  it('are found by their lines, and by their pictures where those are shown', async () => {
    const { index } = await openSurface();
    const pyramids = pyramidsOf(index, shownFromWorld(index, 'cameras'));
    expect(pyramids).toHaveLength(index.images.length);
    const windowFromFrame = viewFrom([0, 9, 9], [0, 0, 0]);
    for (const [camera, [apex, ...corners]] of pyramids.entries()) {
      const seen = project(windowFromFrame, apex);
      const pick = { x: seen?.x ?? 0, y: seen?.y ?? 0, radiusPx: 3, windowFromFrame, hasPictures: false };
      expect(pickCamera(pyramids, pick)?.camera).toBe(camera);
      const sum = corners.reduce<Vec3>((a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]], [0, 0, 0]);
      // off the middle, where no line from the centre passes
      const inside = [0, 1, 2].map((k) => 0.15 * (sum[k] ?? 0) + 0.4 * (corners[0]?.[k] ?? 0)) as unknown as Vec3;
      const middle = project(windowFromFrame, inside);
      const onPicture = { ...pick, x: middle?.x ?? 0, y: middle?.y ?? 0, radiusPx: 0.01 };
      expect(pickCamera(pyramids, { ...onPicture, hasPictures: true })?.camera).toBe(camera);
    }
    const nowhere = { x: 1, y: 1, radiusPx: 3, windowFromFrame, hasPictures: true };
    expect(pickCamera(pyramids, nowhere)).toBeNull();
  });
});
