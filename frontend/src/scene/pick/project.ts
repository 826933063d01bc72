/** Matrices for picking: column-major 4 x 4 in double precision, from a frame to the window's px. */

import type { Vec3 } from '../vec';

export type Matrix4 = readonly number[];

/** A place in the window, and how far away it is along the line of sight. */
export interface OnScreen {
  x: number;
  y: number;
  depth: number;
}

/** `a` after `b`. */
export function times(a: Matrix4, b: Matrix4): number[] {
  const product = new Array<number>(16).fill(0);
  for (let column = 0; column < 4; column++) {
    for (let row = 0; row < 4; row++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += (a[4 * k + row] ?? 0) * (b[4 * column + k] ?? 0);
      product[4 * column + row] = sum;
    }
  }
  return product;
}

/** Scales by `size` and moves to `min`. */
export function boxMatrix(min: Vec3, size: number): number[] {
  return [size, 0, 0, 0, 0, size, 0, 0, 0, 0, size, 0, min[0], min[1], min[2], 1];
}

/** From clip space (`projection * view * ...`) to px of the window, before the division by w. */
export function windowFromClip(width: number, height: number): number[] {
  return [width / 2, 0, 0, 0, 0, -height / 2, 0, 0, 0, 0, 1, 0, width / 2, height / 2, 0, 1];
}

/** Where a point is seen; `null` behind the eye. */
export function project(window_from_frame: Matrix4, point: Vec3): OnScreen | null {
  const row = (r: number) =>
    (window_from_frame[r] ?? 0) * point[0] +
    (window_from_frame[4 + r] ?? 0) * point[1] +
    (window_from_frame[8 + r] ?? 0) * point[2] +
    (window_from_frame[12 + r] ?? 0);
  const depth = row(3);
  return depth > 1e-12 ? { x: row(0) / depth, y: row(1) / depth, depth } : null;
}
