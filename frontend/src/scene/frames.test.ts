/** Frames: what is up, where things stand, how cameras look. */

import { describe, expect, it } from 'vitest';
import { openSurface } from './fixtures/scene';
import { apply, compose, glRotation, homeEye, inverse, matrixOf, type Similarity, shownFromWorld, UPS } from './frames';
import { dot, norm, type Quat, rotate, rotationBetween, sub, unit, type Vec3 } from './vec';

const near = (a: Vec3, b: Vec3) => expect(norm(sub(a, b))).toBeLessThan(1e-9);
const turn = (angle: number, axis: Vec3): Quat => {
  const [x, y, z] = unit(axis);
  return [Math.cos(angle / 2), x * Math.sin(angle / 2), y * Math.sin(angle / 2), z * Math.sin(angle / 2)];
};
const A: Similarity = { scale: 2, rotation: turn(0.7, [1, 2, 3]), translation: [5, -1, 2] };
const B: Similarity = { scale: 0.3, rotation: turn(-2, [0, 1, 4]), translation: [1, 1, -9] };

describe('similarities', () => {
  it('compose and invert as they apply', () => {
    const x: Vec3 = [0.4, -7, 3];
    near(apply(compose(A, B), x), apply(A, apply(B, x)));
    near(apply(inverse(A), apply(A, x)), x);
  });

  it('are matrices, column by column', () => {
    const m = matrixOf(A);
    const x: Vec3 = [1, 2, 3];
    const by = (row: number) => (m[row] ?? 0) * 1 + (m[4 + row] ?? 0) * 2 + (m[8 + row] ?? 0) * 3 + (m[12 + row] ?? 0);
    near([by(0), by(1), by(2)], apply(A, x));
    expect([m[3], m[7], m[11], m[15]]).toEqual([0, 0, 0, 1]);
  });
});

describe('rotations', () => {
  it('take one direction to another, also to its opposite', () => {
    for (const to of [
      [0, 1, 0],
      [1, -2, 3],
      [-1, 0, 0],
      [1, 0, 0],
    ] as Vec3[]) {
      near(rotate(rotationBetween([1, 0, 0], to), [1, 0, 0]), unit(to));
    }
  });

  it('of cameras: what looked along z with y down looks along -z with y up', () => {
    const q = turn(1, [1, 1, 0]);
    near(rotate(glRotation(q), [0, 0, -1]), rotate(q, [0, 0, 1]));
    near(rotate(glRotation(q), [0, 1, 0]), rotate(q, [0, -1, 0]));
    near(rotate(glRotation(q), [1, 0, 0]), rotate(q, [1, 0, 0]));
  });
});

describe('what is shown', () => {
  it('stands upright with its middle at the origin', async () => {
    const { index } = await openSurface();
    for (const up of UPS) {
      const shown = shownFromWorld(index, up);
      near(apply(shown, index.core.center), [0, 0, 0]);
      expect(shown.scale).toBe(1);
    }
    // the exporter's test scene is a ring of level cameras in a world whose y points down
    near(rotate(shownFromWorld(index, 'cameras').rotation, [0, -1, 0]), [0, 1, 0]);
    near(rotate(shownFromWorld(index, '-x').rotation, [-1, 0, 0]), [0, 1, 0]);
  });

  it('is seen whole from the first place, from above, also in a narrow window', async () => {
    const { index } = await openSurface();
    const shown = shownFromWorld(index, 'cameras');
    for (const aspect of [1.8, 0.5]) {
      const { position, target } = homeEye(index, shown, 50, aspect);
      near(target, [0, 0, 0]);
      expect(position[1]).toBeGreaterThan(0);
      const halfAngle = Math.atan(Math.tan((25 * Math.PI) / 180) * Math.min(1, aspect));
      expect(norm(position) * Math.sin(halfAngle)).toBeGreaterThan(0.5 * index.core.extent);
    }
  });

  it('is seen from the side of the cameras where they stand on one', async () => {
    const { index } = await openSurface();
    const shown = shownFromWorld(index, 'cameras');
    const images = index.images.map((image) => ({ ...image, center: [20, -1, 0] as [number, number, number] }));
    const { position } = homeEye({ ...index, images }, shown, 50, 1);
    const side = apply(shown, [20, -1, 0]);
    expect(dot(unit([position[0], 0, position[2]]), unit([side[0], 0, side[2]]))).toBeGreaterThan(0.999);
  });
});
