/** Which nodes to draw and which to fetch: what is largest on the screen first, up to a number of points. */

import type { Vec3 } from '../vec';
import type { OctreeNode } from './octree';

/** A plane `x * nx + y * ny + z * nz + d`, positive inside. */
export type Plane = readonly [number, number, number, number];

/** Who looks, in the world frame. */
export interface Eye {
  position: Vec3;
  /** Of the view's frustum. */
  planes: readonly Plane[];
  /** Px that one world unit takes at a distance of one world unit. */
  pxPerUnit: number;
}

export interface Limits {
  maxPoints: number;
  /** A node is refined while its points are farther apart than this. */
  minSpacingPx: number;
}

export interface Selection {
  /** To be drawn: there, and within the budget. */
  draw: OctreeNode[];
  /** To be fetched, the most important first. */
  want: OctreeNode[];
  /** Points of both. */
  numPoints: number;
  /** Whether the budget left something out that would be seen. */
  isCut: boolean;
}

export function selectNodes(
  root: OctreeNode | undefined,
  eye: Eye,
  limits: Limits,
  isLoaded: (node: OctreeNode) => boolean,
): Selection {
  const selection: Selection = { draw: [], want: [], numPoints: 0, isCut: false };
  const queue: Ranked[] = [];
  if (root && isVisible(root, eye)) queue.push({ node: root, px: pxOf(root.size, root, eye) });
  for (let next = queue.pop(); next; next = queue.pop()) {
    const { node } = next;
    if (selection.numPoints + node.numPoints > limits.maxPoints && selection.numPoints > 0) {
      selection.isCut = true;
      break;
    }
    selection.numPoints += node.numPoints;
    if (node.numPoints > 0) (isLoaded(node) ? selection.draw : selection.want).push(node);
    // a node without points refines nothing: only its children show anything
    if (node.numPoints > 0 && pxOf(node.spacing, node, eye) < limits.minSpacingPx) continue;
    for (const child of node.children) {
      if (isVisible(child, eye)) insert(queue, { node: child, px: pxOf(child.size, child, eye) });
    }
  }
  return selection;
}

interface Ranked {
  node: OctreeNode;
  px: number;
}

/** Keeps the largest last, where it is taken from. */
function insert(queue: Ranked[], ranked: Ranked) {
  let [low, high] = [0, queue.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((queue[middle]?.px ?? 0) < ranked.px) low = middle + 1;
    else high = middle;
  }
  queue.splice(low, 0, ranked);
}

/** How large a length at a node looks; of a node around the eye, as at half its size. */
function pxOf(length: number, node: OctreeNode, eye: Eye): number {
  const half = node.size / 2;
  const [x, y, z] = node.min;
  const distance = Math.hypot(x + half - eye.position[0], y + half - eye.position[1], z + half - eye.position[2]);
  return (length * eye.pxPerUnit) / Math.max(distance - half, half);
}

/** Whether any part of a cube may lie inside all planes. */
export function isVisible(node: OctreeNode, eye: Eye): boolean {
  const [x, y, z] = node.min;
  const { size } = node;
  return eye.planes.every(([nx, ny, nz, d]) => {
    // the corner that lies deepest inside
    const inside = nx * (nx > 0 ? x + size : x) + ny * (ny > 0 ? y + size : y) + nz * (nz > 0 ? z + size : z) + d;
    return inside >= 0;
  });
}
