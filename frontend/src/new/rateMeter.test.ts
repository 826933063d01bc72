/** Rates: of the last seconds, unknown at first. */

import { expect, test } from 'vitest';
import { RateMeter } from './rateMeter';

test('a rate is that of the last seconds', () => {
  const meter = new RateMeter();
  expect(meter.perSec()).toBeUndefined();
  meter.note(0, 0);
  meter.note(100, 100);
  expect(meter.perSec()).toBeUndefined();
  for (let second = 1; second <= 20; second += 1) meter.note(1000 * second, 1000 * second);
  expect(meter.perSec()).toBeCloseTo(1000);
  for (let second = 21; second <= 40; second += 1) meter.note(20_000 + 10 * (second - 20), 1000 * second);
  expect(meter.perSec()).toBeCloseTo(10);
  meter.forget();
  expect(meter.perSec()).toBeUndefined();
});
