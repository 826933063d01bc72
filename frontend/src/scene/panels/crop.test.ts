/** The crop shows what lies around the observation, and stays within the photo. */

import { expect, it } from 'vitest';
import { cropAround } from './crop';

/** What of the photo is at a place of the box, by the rules of CSS backgrounds; shares of each. */
function shownAt(crop: ReturnType<typeof cropAround>, u: number, v: number): [number, number] {
  const [w = 1, h = 1] = crop.backgroundSize.split(' ').map((part) => Number.parseFloat(part) / 100);
  const [px = 0, py = 0] = crop.backgroundPosition.split(' ').map((part) => Number.parseFloat(part) / 100);
  return [(u - px * (1 - w)) / w, (v - py * (1 - h)) / h];
}

it('has the observation at its mark', () => {
  for (const size of [
    [3000, 2000],
    [2000, 3000],
    [100, 4000],
  ] as const) {
    for (const [x, y] of [
      [0.5, 0.5],
      [0.01, 0.99],
      [1, 0],
      [0.3, 0.7],
    ] as const) {
      const crop = cropAround(x, y, size);
      const [u, v] = shownAt(crop, crop.mark.x, crop.mark.y);
      expect(u).toBeCloseTo(x, 9);
      expect(v).toBeCloseTo(y, 9);
      for (const corner of [shownAt(crop, 0, 0), shownAt(crop, 1, 1)].flat()) {
        expect(corner).toBeGreaterThan(-1e-9);
        expect(corner).toBeLessThan(1 + 1e-9);
      }
    }
  }
});

it('is square in px of the photo', () => {
  const crop = cropAround(0.5, 0.5, [3000, 2000]);
  const [left, top] = shownAt(crop, 0, 0);
  const [right, bottom] = shownAt(crop, 1, 1);
  expect((right - left) * 3000).toBeCloseTo((bottom - top) * 2000, 6);
  expect(crop.mark).toEqual({ x: 0.5, y: 0.5 });
});
