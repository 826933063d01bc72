/** Whose photos are fetched. */

import { expect, it } from 'vitest';
import type { Pyramid } from '../pick/pickCamera';
import { nearestCameras } from './nearestCameras';

const at = (x: number, z: number): Pyramid => [
  [x, 0, z],
  [x - 0.1, 0.1, z - 0.1],
  [x + 0.1, 0.1, z - 0.1],
  [x + 0.1, -0.1, z - 0.1],
  [x - 0.1, -0.1, z - 0.1],
];

it('are those near and in front, not the one that is stood in', () => {
  const pyramids = [at(0, 9), at(0, -5), at(1, -2), at(0, 0.1), at(3, -40)];
  expect(nearestCameras(pyramids, [0, 0, 0], [0, 0, -1], 3)).toEqual([2, 1, 4]);
  expect(nearestCameras(pyramids, [0, 0, 0], [0, 0, -1], 9)).toEqual([2, 1, 4, 0]);
});
