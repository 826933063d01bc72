/** A file that the exporter wrote, read in parts. */

import { describe, expect, it } from 'vitest';
import { openSurface, sourceOf, surfaceBytes } from '../fixtures/scene';
import { norm, sub, type Vec3 } from '../vec';
import type { OctreeNode } from './octree';
import { unpackNode } from './payload';
import { TilesFile } from './TilesFile';

function flat(node: OctreeNode): OctreeNode[] {
  return [node, ...node.children.flatMap(flat)];
}

describe('a file of the exporter', () => {
  it('has every point in one node, inside its cube and within the scene', async () => {
    const file = await openSurface();
    const { index, root } = file;
    expect(root).toBeDefined();
    const nodes = root ? flat(root) : [];
    expect(nodes).toHaveLength(index.nodes.length);
    const ids = new Set<bigint>();
    let numFar = 0;
    for (const node of nodes) {
      const payload = await file.readPayload(node.index);
      const points = unpackNode(payload, node.numPoints);
      for (let i = 0; i < node.numPoints; i++) {
        const at = (k: 0 | 1 | 2) => node.min[k] + ((points.places[4 * i + k] ?? 0) * node.size) / 65535;
        const position: Vec3 = [at(0), at(1), at(2)];
        if (norm(sub(position, index.core.center)) > 10) numFar += 1;
        else expect(Math.max(...position.map(Math.abs))).toBeLessThan(1.001);
        // the exporter's test gives blue 9 and green 7 to all
        expect([...points.tints.subarray(4 * i + 1, 4 * i + 3)]).toEqual([7, 9]);
        if (i % 40 === 0) {
          const track = await file.readTrack(node.index, i);
          expect(track.observations).toHaveLength(points.tints[4 * i + 3] ?? 0);
          expect(ids.has(track.id)).toBe(false);
          ids.add(track.id);
        }
      }
    }
    expect(numFar).toBe(2);
    expect(nodes.reduce((sum, { numPoints }) => sum + numPoints, 0)).toBe(index.num_points);
    expect(index.num_points).toBe(1500);
  });

  it('tells where a point was seen: its projection, which the exporter made exact', async () => {
    const file = await openSurface();
    const node = file.root && flat(file.root).find(({ numPoints }) => numPoints > 100);
    const { observations } = await file.readTrack(node?.index ?? 0, 7);
    expect(observations.length).toBeGreaterThanOrEqual(2);
    for (const { image, x, y } of observations) {
      expect(file.index.images[image]?.name).toMatch(/^ring\/image \d\.jpg$/);
      expect(x > 0 && x < 1 && y > 0 && y < 1).toBe(true);
    }
  });

  it('is opened by one read where its index is small, by two where it is large', async () => {
    const small = sourceOf(surfaceBytes());
    const { index } = await TilesFile.open(small);
    expect(small.reads).toHaveLength(1);
    const large = sourceOf(padded(surfaceBytes(), 80_000));
    expect((await TilesFile.open(large)).index).toEqual(index);
    expect(large.reads).toEqual([
      [0, 65536],
      [65536, 16 + 80_000],
    ]);
  });

  it('reads a track by two small ranges', async () => {
    const source = sourceOf(surfaceBytes());
    const file = await TilesFile.open(source);
    const node = file.index.nodes.findIndex(({ num_points }) => num_points > 0);
    source.reads.length = 0;
    const { observations } = await file.readTrack(node, 0);
    expect(source.reads.map(([start, end]) => end - start)).toEqual([16, 8 * observations.length]);
  });
});

describe('what is no such file', () => {
  it.each([
    ['another file', (bytes: Uint8Array) => bytes.set([1], 0), /no scene\.tiles/],
    ['another version', (bytes: Uint8Array) => bytes.set([9], 8), /version 9, expected 1/],
    ['a damaged index', (bytes: Uint8Array) => bytes.fill(1, 20, 40), /no JSON/],
  ])('%s is refused in words', async (_, damage, words) => {
    const bytes = new Uint8Array(surfaceBytes());
    damage(bytes);
    await expect(TilesFile.open(sourceOf(bytes.buffer))).rejects.toThrow(words);
  });

  it('a file that was cut says what is missing', async () => {
    const file = await TilesFile.open(sourceOf(surfaceBytes().slice(0, 20_000)));
    const last = file.index.nodes.length - 1;
    await expect(file.readPayload(last)).rejects.toThrow(/the file ended: expected \d+ bytes/);
  });
});

/** The same file with spaces behind its index. */
function padded(bytes: ArrayBuffer, indexBytes: number): ArrayBuffer {
  const before = new DataView(bytes).getUint32(12, true);
  const longer = new Uint8Array(bytes.byteLength + indexBytes - before).fill(32);
  longer.set(new Uint8Array(bytes, 0, 16 + before));
  longer.set(new Uint8Array(bytes, 16 + before), 16 + indexBytes);
  new DataView(longer.buffer).setUint32(12, indexBytes, true);
  return longer.buffer;
}
