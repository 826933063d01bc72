/** From the world frame of a model to what is shown: y up, the middle of the scene at the origin. */

import type { TilesIndex } from './tiles/format';
import { add, multiply, type Quat, rotate, rotationBetween, scaled, sub, type Vec3 } from './vec';

/** `x_in_a = scale * rotate(rotation, x_in_b) + translation`. */
export interface Similarity {
  scale: number;
  rotation: Quat;
  translation: Vec3;
}

/** What is up: as the cameras were held, or an axis of the model's world. */
export const UPS = ['cameras', '+x', '-x', '+y', '-y', '+z', '-z'] as const;
export type Up = (typeof UPS)[number];

const AXES: Record<Exclude<Up, 'cameras'>, Vec3> = {
  '+x': [1, 0, 0],
  '-x': [-1, 0, 0],
  '+y': [0, 1, 0],
  '-y': [0, -1, 0],
  '+z': [0, 0, 1],
  '-z': [0, 0, -1],
};

export function apply(a_from_b: Similarity, x: Vec3): Vec3 {
  return add(scaled(rotate(a_from_b.rotation, x), a_from_b.scale), a_from_b.translation);
}

/** `a_from_c` of `a_from_b` and `b_from_c`. */
export function compose(a_from_b: Similarity, b_from_c: Similarity): Similarity {
  return {
    scale: a_from_b.scale * b_from_c.scale,
    rotation: multiply(a_from_b.rotation, b_from_c.rotation),
    translation: apply(a_from_b, b_from_c.translation),
  };
}

export function inverse(a_from_b: Similarity): Similarity {
  const [w, x, y, z] = a_from_b.rotation;
  const rotation: Quat = [w, -x, -y, -z];
  const scale = 1 / a_from_b.scale;
  return { scale, rotation, translation: scaled(rotate(rotation, a_from_b.translation), -scale) };
}

/** `shown_from_world` of a scene by itself. */
export function shownFromWorld(index: TilesIndex, up: Up): Similarity {
  const rotation = up === 'cameras' ? index.upright_from_world : rotationBetween(AXES[up], [0, 1, 0]);
  return { scale: 1, rotation, translation: scaled(rotate(rotation, index.core.center), -1) };
}

/** Rotation of a camera for three, whose cameras have y up and look along -z, of one with y down that looks along z. */
export function glRotation(rotation: Quat): Quat {
  return multiply(rotation, [0, 1, 0, 0]);
}

/** Column-major 4 x 4, as three and WebGL have it. */
export function matrixOf({ scale, rotation, translation }: Similarity): number[] {
  const columns = (
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ] as const
  ).map((axis) => scaled(rotate(rotation, axis), scale));
  return [...columns.flatMap((column) => [...column, 0]), ...translation, 1];
}

/** Where to stand first, in the shown frame: on the side of the cameras, as far as the whole scene is in view. */
export function homeEye(
  index: TilesIndex,
  shown: Similarity,
  fovDeg: number,
  aspect: number,
): { position: Vec3; target: Vec3 } {
  const target = apply(shown, index.core.center);
  const centers = index.images.map((image) => sub(apply(shown, image.center), target));
  const middle = scaled(centers.reduce<Vec3>(add, [0, 0, 0]), 1 / Math.max(1, centers.length));
  const extent = index.core.extent * shown.scale;
  const [x, , z] = middle;
  const isAround = Math.hypot(x, z) < 0.25 * extent;
  const azimuth = isAround ? Math.PI / 5 : Math.atan2(x, z);
  const elevation = isAround ? 0.5 : 0.3;
  const narrow = Math.atan(Math.tan((fovDeg * Math.PI) / 360) * Math.min(1, aspect));
  const distance = (0.62 * extent) / Math.sin(narrow);
  const direction: Vec3 = [
    Math.sin(azimuth) * Math.cos(elevation),
    Math.sin(elevation),
    Math.cos(azimuth) * Math.cos(elevation),
  ];
  return { position: add(target, scaled(direction, distance)), target };
}
