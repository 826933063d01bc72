/** What charts are drawn from. */

import { expect, test } from 'vitest';
import { anImage, aReport } from '../test/report';
import { matrixOf, neighboursOf, verifiedPairs } from './pairs';
import { planOf } from './plan';
import { binsOf, quantile } from './summary';
import { ticks } from './ticks';

test('axes have round values', () => {
  expect(ticks(25.6)).toEqual([0, 10, 20]);
  expect(ticks(0.9)).toEqual([0, 0.5]);
  expect(ticks(0)).toEqual([0]);
});

test('bins have shares, and quantiles lie within them', () => {
  const histogram = { start: 0, bin_width: 0.5, counts: [1, 3, 0] };
  expect(binsOf(histogram, true).map(({ share, isOpen }) => [share, isOpen])).toEqual([
    [0.25, false],
    [0.75, false],
    [0, true],
  ]);
  expect(quantile(histogram, 0.5)).toBeCloseTo(0.5 + 0.5 / 3);
  expect(quantile({ ...histogram, counts: [0] }, 0.5)).toBeUndefined();
});

test('cameras on a tilted circle are drawn as a circle', () => {
  const images = Array.from({ length: 12 }, (_, index) => {
    const angle = (2 * Math.PI * index) / 12;
    // a plane that no axis lies in
    const [u, v] = [Math.cos(angle), Math.sin(angle)];
    return anImage(index + 1, { projection_center: [u, 0.6 * v + 5, 0.8 * v - 3] });
  });
  const { places, height } = planOf(images);
  const radii = [...places.values()].map(({ x, y }) => Math.hypot(x - 0.5, y - height / 2));
  for (const radius of radii) expect(radius).toBeCloseTo(radii[0] ?? 0, 6);
  expect(height).toBe(0.62);
});

test('photos without a place stand below; without places all stand on a circle', () => {
  const lost = anImage(4, { projection_center: null });
  const { places, height } = planOf([anImage(1), anImage(2, { projection_center: [0, 1, 0] }), anImage(3), lost]);
  expect(places.get(4)).toEqual({ x: 0.5, y: height });
  expect(Math.max(...[1, 2, 3].map((id) => places.get(id)?.y ?? 1))).toBeLessThan(height - 0.07);
  expect(planOf([lost]).places.get(4)?.y).toBeCloseTo(0);
});

test('pairs without a geometry are no edges', () => {
  const verified = verifiedPairs(aReport().pairs);
  expect(verified.map(({ image2 }) => image2)).toEqual([2]);
  expect(neighboursOf(verified, 2)).toEqual({ count: 1, strongest: { image: 1, inliers: 1183 } });
  expect(neighboursOf(verified, 3)).toEqual({ count: 0, strongest: undefined });
});

test('a matrix of many photos has several of them in a row', () => {
  const images = [1, 2, 3, 4].map((id) => anImage(id));
  const pairs = [
    { image1: 1, image2: 4, num_matches: 50, num_inliers: 30 },
    { image1: 2, image2: 3, num_matches: 50, num_inliers: 40 },
    { image1: 1, image2: 2, num_matches: 50, num_inliers: 0 },
  ];
  expect(matrixOf({ images, pairs }, 2)).toEqual({
    size: 2,
    imagesPerRow: 2,
    cells: [{ row: 0, column: 1, inliers: 40, pairs: 2 }],
  });
});
