/** Vectors and rotations in double precision, where three's classes would hide which frame a number is in. */

export type Vec3 = readonly [number, number, number];
/** A unit quaternion `[w, x, y, z]`. */
export type Quat = readonly [number, number, number, number];

export const add = (a: Vec3, b: Vec3): Vec3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const sub = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scaled = (a: Vec3, by: number): Vec3 => [a[0] * by, a[1] * by, a[2] * by];
export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const norm = (a: Vec3): number => Math.hypot(a[0], a[1], a[2]);
export const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** The direction of a vector; of none, `[0, 0, 0]`. */
export function unit(a: Vec3): Vec3 {
  const length = norm(a);
  return length > 0 ? scaled(a, 1 / length) : a;
}

export function mean(vectors: readonly Vec3[]): Vec3 {
  const sum = vectors.reduce<Vec3>(add, [0, 0, 0]);
  return scaled(sum, 1 / Math.max(1, vectors.length));
}

/** `a` after `b`. */
export function multiply(a: Quat, b: Quat): Quat {
  return [
    a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
    a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
    a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
    a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
  ];
}

export const conjugate = (q: Quat): Quat => [q[0], -q[1], -q[2], -q[3]];

export function rotate(q: Quat, v: Vec3): Vec3 {
  const u: Vec3 = [q[1], q[2], q[3]];
  const t = scaled(cross(u, v), 2);
  return add(add(v, scaled(t, q[0])), cross(u, t));
}

/** The shortest rotation that takes one direction to another. */
export function rotationBetween(from: Vec3, to: Vec3): Quat {
  const [a, b] = [unit(from), unit(to)];
  const cosine = dot(a, b);
  if (cosine < -1 + 1e-12) {
    const side = Math.abs(a[0]) < 0.9 ? cross(a, [1, 0, 0]) : cross(a, [0, 1, 0]);
    const [x, y, z] = unit(side);
    return [0, x, y, z];
  }
  const [x, y, z] = cross(a, b);
  const length = Math.hypot(1 + cosine, x, y, z);
  return [(1 + cosine) / length, x / length, y / length, z / length];
}
