/** Which point lies under the pointer: of those within a few px the nearest to the eye. */

import type { OctreeNode } from '../tiles/octree';
import type { NodePoints } from '../tiles/payload';
import type { Vec3 } from '../vec';
import { boxMatrix, type Matrix4, project, times } from './project';

export interface Drawn {
  node: OctreeNode;
  points: NodePoints;
}

export interface PickedPoint {
  node: OctreeNode;
  /** Place in the node. */
  point: number;
  /** World frame. */
  position: Vec3;
}

interface Pick {
  /** Px. */
  x: number;
  y: number;
  radiusPx: number;
  /** From the world frame to the window, before the division. */
  windowFromWorld: Matrix4;
  /** Whether a place of the world frame is cut away. */
  isCut?: (position: Vec3) => boolean;
}

/** A point at the rim of the pointer's circle must be nearer by this share to win over one in the middle. */
const RIM_PENALTY = 0.02;

export function pickPoint(drawn: readonly Drawn[], pick: Pick): PickedPoint | null {
  let best: PickedPoint | null = null;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const { node, points } of drawn) {
    const steps = boxMatrix(node.min, node.size / 65535);
    if (!mayContain(node, pick)) continue;
    const m = times(pick.windowFromWorld, steps);
    const [m0 = 0, m1 = 0, , m3 = 0, m4 = 0, m5 = 0, , m7 = 0, m8 = 0, m9 = 0, , m11 = 0, m12 = 0, m13 = 0, , m15 = 0] =
      m;
    const { places } = points;
    for (let i = 0; i < points.numPoints; i++) {
      const [a, b, c] = [places[4 * i] ?? 0, places[4 * i + 1] ?? 0, places[4 * i + 2] ?? 0];
      const w = m3 * a + m7 * b + m11 * c + m15;
      if (w <= 0 || w >= bestScore) continue;
      const dx = (m0 * a + m4 * b + m8 * c + m12) / w - pick.x;
      const dy = (m1 * a + m5 * b + m9 * c + m13) / w - pick.y;
      const off = (dx * dx + dy * dy) / pick.radiusPx ** 2;
      const score = w * (1 + RIM_PENALTY * off);
      if (off > 1 || score >= bestScore) continue;
      const position = positionOf(node, [a, b, c]);
      if (pick.isCut?.(position)) continue;
      best = { node, point: i, position };
      bestScore = score;
    }
  }
  return best;
}

function positionOf(node: OctreeNode, steps: Vec3): Vec3 {
  const at = (axis: 0 | 1 | 2) => node.min[axis] + (steps[axis] * node.size) / 65535;
  return [at(0), at(1), at(2)];
}

/** Whether the pointer's circle meets the cube's rectangle in the window. */
function mayContain(node: OctreeNode, { x, y, radiusPx, windowFromWorld }: Pick): boolean {
  const [low, high] = [
    [Infinity, Infinity],
    [-Infinity, -Infinity],
  ] as [[number, number], [number, number]];
  for (let corner = 0; corner < 8; corner++) {
    const [dx, dy, dz] = [corner & 1, (corner >> 1) & 1, corner >> 2];
    const at = project(windowFromWorld, [
      node.min[0] + dx * node.size,
      node.min[1] + dy * node.size,
      node.min[2] + dz * node.size,
    ]);
    if (!at) return true;
    low[0] = Math.min(low[0], at.x);
    low[1] = Math.min(low[1], at.y);
    high[0] = Math.max(high[0], at.x);
    high[1] = Math.max(high[1], at.y);
  }
  return x >= low[0] - radiusPx && x <= high[0] + radiusPx && y >= low[1] - radiusPx && y <= high[1] + radiusPx;
}
