/** The number of points follows the speed of the machine. */

import { describe, expect, it } from 'vitest';
import { PointBudget } from './PointBudget';

/** Observes frames of a machine that draws so many points a millisecond. */
function run(budget: PointBudget, pointsPerMs: number, frames: number) {
  for (let i = 0; i < frames; i++) budget.observe(8 + budget.points(true) / pointsPerMs, true);
}

describe('PointBudget', () => {
  it('settles where a frame takes neither too long nor too short', () => {
    for (const pointsPerMs of [3_000, 30_000, 200_000]) {
      const budget = new PointBudget(6_000_000, 1_000_000);
      run(budget, pointsPerMs, 300);
      const frameMs = 8 + budget.points(true) / pointsPerMs;
      const isAtEnd = budget.points(true) === 6_000_000;
      expect(frameMs).toBeLessThan(56);
      expect(frameMs > 18 || isAtEnd).toBe(true);
    }
  });

  it('shows more when the view rests, never more than there may be', () => {
    const budget = new PointBudget(500_000, 100_000);
    expect([budget.points(true), budget.points(false)]).toEqual([100_000, 500_000]);
  });

  it('does not mind one slow frame, nor a pause', () => {
    const budget = new PointBudget(6_000_000, 1_000_000);
    budget.observe(400, true);
    budget.observe(30, true);
    budget.observe(400, true);
    budget.observe(20_000, true);
    expect(budget.points(true)).toBe(1_000_000);
  });

  it('does not grow for frames that were fast because there was little to draw', () => {
    const budget = new PointBudget(6_000_000, 1_000_000);
    for (let i = 0; i < 50; i++) budget.observe(5, false);
    expect(budget.points(true)).toBe(1_000_000);
  });
});
