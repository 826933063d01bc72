/** Which side of a section stays. */

import { expect, it } from 'vitest';
import { sectionPlane } from './section';

const side = (plane: readonly number[] | null, [x, y, z]: [number, number, number]) =>
  plane ? (plane[0] ?? 0) * x + (plane[1] ?? 0) * y + (plane[2] ?? 0) * z + (plane[3] ?? 0) : Number.NaN;

it('cuts where it is set', () => {
  const below = sectionPlane({ axis: 1, at: 0.25, keep: 'below' }, [5, 5, 5], 8);
  expect(side(below, [0, 6.9, 0])).toBeGreaterThan(0);
  expect(side(below, [0, 7.1, 0])).toBeLessThan(0);
  const above = sectionPlane({ axis: 2, at: -0.5, keep: 'above' }, [5, 5, 5], 8);
  expect([side(above, [0, 0, 1.1]) > 0, side(above, [0, 0, 0.9]) > 0]).toEqual([true, false]);
  expect(sectionPlane(null, [0, 0, 0], 1)).toBeNull();
});
