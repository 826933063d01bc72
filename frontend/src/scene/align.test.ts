/** Two reconstructions of the same photos are laid over each other. */

import { describe, expect, it } from 'vitest';
import { align, type Pose } from './align';
import runs from './fixtures/two-runs.json';
import { apply, type Similarity } from './frames';
import { add, multiply, norm, type Quat, scaled, sub, unit, type Vec3 } from './vec';

const twoRuns = runs as unknown as { a: Pose[]; b: Pose[] };

/** Even in `[-1, 1)`, always the same. */
function random(seed: number) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const turn = (angle: number, axis: Vec3): Quat => {
  const [x, y, z] = unit(axis);
  return [Math.cos(angle / 2), x * Math.sin(angle / 2), y * Math.sin(angle / 2), z * Math.sin(angle / 2)];
};

const TRUE: Similarity = { scale: 2.7, rotation: turn(2.1, [1, -2, 0.5]), translation: [30, -4, 12] };

/** `b` as it is, `a` as the similarity says, with noise in the centres. */
function worlds(count: number, noise: number, centerOf: (next: () => number) => Vec3, seed = 1) {
  const next = random(seed);
  const b = Array.from({ length: count }, (_, i): Pose => {
    const rotation = turn(3 * next(), [next(), next(), next()]);
    return { name: `${i}.jpg`, rotation, center: centerOf(next) };
  });
  const a = b.map(({ name, rotation, center }): Pose => {
    const off: Vec3 = [noise * next(), noise * next(), noise * next()];
    return { name, rotation: multiply(TRUE.rotation, rotation), center: add(apply(TRUE, center), off) };
  });
  return { a, b };
}

const anywhere = (next: () => number): Vec3 => [5 * next(), 2 * next(), 3 * next()];
const onALine = (next: () => number): Vec3 => scaled([1, 2, -0.5], next());

function expectTrue(found: Similarity | undefined, within: number) {
  expect(Math.abs((found?.scale ?? 0) / TRUE.scale - 1)).toBeLessThan(within);
  for (const place of [
    [0, 0, 0],
    [5, 0, 0],
    [0, 5, 0],
    [0, 0, 5],
  ] as Vec3[]) {
    expect(norm(sub(apply(found ?? TRUE, place), apply(TRUE, place)))).toBeLessThan(within * 40);
  }
}

describe('align', () => {
  it('finds the similarity exactly where there is no noise', () => {
    for (const count of [3, 4, 11, 60]) {
      const { a, b } = worlds(count, 0, anywhere, count);
      const found = align(a, b);
      expectTrue(found?.a_from_b, 1e-9);
      expect([found?.numShared, found?.numInliers]).toEqual([count, count]);
      expect(found?.rmsUnits).toBeLessThan(1e-9);
    }
  });

  it('finds it under noise, within what the noise allows', () => {
    const { a, b } = worlds(40, 0.05, anywhere);
    const found = align(a, b);
    expectTrue(found?.a_from_b, 0.01);
    expect(found?.rmsUnits).toBeGreaterThan(0.01);
    expect(found?.rmsUnits).toBeLessThan(0.06);
  });

  it('is not led astray by a third of wrong cameras', () => {
    const { a, b } = worlds(30, 0.01, anywhere);
    const next = random(77);
    const wrong = a.map((pose, i) =>
      i % 3 === 0 ? { ...pose, center: [40 * next(), 40 * next(), 40 * next()] as const } : pose,
    );
    const found = align(wrong, b);
    expectTrue(found?.a_from_b, 0.01);
    expect(found?.numInliers).toBeGreaterThan(15);
    expect(found?.numInliers).toBeLessThanOrEqual(21);
  });

  it('uses every camera of two real runs, which differ by the drift of an arc', () => {
    // the sample scene by ALIKED with 2048 and with 1024 keypoints
    const { a, b } = twoRuns;
    const found = align(a, b);
    expect([found?.numShared, found?.numInliers]).toEqual([12, 12]);
    expect(found?.rmsUnits).toBeLessThan(0.01);
  });

  it('leaves out the one that stands elsewhere in one of two real runs', () => {
    const moved = twoRuns.a.map((pose, i) => (i === 4 ? { ...pose, center: add(pose.center, [0, 0.3, 0]) } : pose));
    const found = align(moved, twoRuns.b);
    expect(found?.numInliers).toBe(11);
    expect(found?.rmsUnits).toBeLessThan(0.01);
  });

  it('turns by the cameras where their centres lie on a line, or are only two', () => {
    for (const count of [2, 9]) {
      const { a, b } = worlds(count, 0, onALine);
      expectTrue(align(a, b)?.a_from_b, 1e-9);
    }
  });

  it('uses only what both have, by name', () => {
    const { a, b } = worlds(12, 0, anywhere);
    const found = align(a.slice(0, 8), b.slice(4).toReversed());
    expect(found?.numShared).toBe(4);
    expectTrue(found?.a_from_b, 1e-9);
  });

  it('says so where there is nothing to go by', () => {
    const { a, b } = worlds(5, 0, anywhere);
    expect(align(a, [])).toBeNull();
    expect(align(a.slice(0, 1), b.slice(0, 1))).toBeNull();
    const same = b.map((pose) => ({ ...pose, center: [1, 1, 1] as const }));
    expect(align(a, same)).toBeNull();
  });

  it('says the same each time', () => {
    const { a, b } = worlds(50, 0.2, anywhere);
    expect(align(a, b)).toEqual(align(a, b));
  });
});
