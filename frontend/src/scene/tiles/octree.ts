/** The nodes of `scene.tiles` as a tree, with their cubes in the world frame. */

import type { Vec3 } from '../vec';
import type { TilesIndex } from './format';

export interface OctreeNode {
  /** Place in the index. */
  index: number;
  level: number;
  /** Lowest corner, world frame. */
  min: Vec3;
  /** Edge, world units. */
  size: number;
  /** World units between neighbouring points. */
  spacing: number;
  numPoints: number;
  children: OctreeNode[];
}

/** The root; every other node hangs below it. */
export function buildOctree(index: TilesIndex): OctreeNode | undefined {
  const byPath = new Map<string, OctreeNode>();
  for (const [place, entry] of index.nodes.entries()) {
    const { min, size } = cubeOf(index.cube, entry.path);
    const node: OctreeNode = {
      index: place,
      level: entry.path.length,
      min,
      size,
      spacing: size / index.grid,
      numPoints: entry.num_points,
      children: [],
    };
    byPath.set(entry.path, node);
    if (entry.path !== '') byPath.get(entry.path.slice(0, -1))?.children.push(node);
  }
  return byPath.get('');
}

/** Cube of a path: bit 0 of a digit is the upper half of x, bit 1 of y, bit 2 of z. */
export function cubeOf(root: TilesIndex['cube'], path: string): { min: Vec3; size: number } {
  let { size } = root;
  let [x, y, z] = root.min;
  for (const digit of path) {
    const octant = Number(digit);
    size /= 2;
    x += octant & 1 ? size : 0;
    y += octant & 2 ? size : 0;
    z += octant & 4 ? size : 0;
  }
  return { min: [x, y, z], size };
}
