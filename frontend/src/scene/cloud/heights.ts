/** Between which heights nearly all points lie. */

import { matrixOf, type Similarity } from '../frames';
import type { Drawn } from '../pick/pickPoint';

const MAX_SAMPLE = 20_000;
/** Share of the points that may lie outside on each side. */
const OUTSIDE = 0.02;

/** In the shown frame, whose y is up. */
export function heightRange(drawn: readonly Drawn[], shownFromWorld: Similarity): readonly [number, number] {
  const [, up0 = 0, , , , up1 = 0, , , , up2 = 0, , , , up3 = 0] = matrixOf(shownFromWorld);
  const total = drawn.reduce((sum, { points }) => sum + points.numPoints, 0);
  const stride = Math.max(1, Math.floor(total / MAX_SAMPLE));
  const heights: number[] = [];
  for (const { node, points } of drawn) {
    const step = node.size / 65535;
    for (let i = 0; i < points.numPoints; i += stride) {
      const x = node.min[0] + (points.places[4 * i] ?? 0) * step;
      const y = node.min[1] + (points.places[4 * i + 1] ?? 0) * step;
      const z = node.min[2] + (points.places[4 * i + 2] ?? 0) * step;
      heights.push(up0 * x + up1 * y + up2 * z + up3);
    }
  }
  heights.sort((a, b) => a - b);
  const outside = Math.floor(heights.length * OUTSIDE);
  const low = heights[outside] ?? 0;
  const high = heights[heights.length - 1 - outside] ?? 1;
  return high > low ? [low, high] : [low - 0.5, low + 0.5];
}
