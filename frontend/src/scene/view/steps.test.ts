/** Moving by keys. */

import { describe, expect, it } from 'vitest';
import { dot, norm, sub } from '../vec';
import { centred, orbited, panned, zoomed } from './steps';

const EYE = { position: [3, 1, 4], target: [1, 0, 1] } as const;
const distance = ({
  position,
  target,
}: {
  position: readonly [number, number, number];
  target: readonly [number, number, number];
}) => norm(sub(position, target));

describe('steps', () => {
  it('turn around the target at the same distance, and back', () => {
    const turned = orbited(EYE, 0.3, 0.2);
    expect(distance(turned)).toBeCloseTo(distance(EYE), 12);
    expect(turned.target).toEqual(EYE.target);
    const back = orbited(turned, -0.3, -0.2);
    expect(norm(sub(back.position, EYE.position))).toBeLessThan(1e-12);
    // to the right: the eye goes towards +x where it looks along -z
    expect(orbited({ position: [0, 0, 5], target: [0, 0, 0] }, 0.1, 0).position[0]).toBeGreaterThan(0);
  });

  it('never turn over the top', () => {
    const over = orbited(EYE, 0, 10);
    expect(over.position[1]).toBeGreaterThan(0);
    expect(Math.hypot(over.position[0] - 1, over.position[2] - 1)).toBeGreaterThan(0.01 * distance(EYE));
  });

  it('move eye and target alike, across the line of sight', () => {
    const moved = panned(EYE, 0.5, -0.2);
    const [byEye, byTarget] = [sub(moved.position, EYE.position), sub(moved.target, EYE.target)];
    expect(norm(sub(byEye, byTarget))).toBeLessThan(1e-12);
    expect(dot(byEye, sub(EYE.target, EYE.position))).toBeCloseTo(0, 10);
    expect(panned({ position: [0, 0, 5], target: [0, 0, 0] }, 0.1, 0).position).toEqual([0.5, 0, 5]);
  });

  it('come nearer, and turn around another place', () => {
    expect(distance(zoomed(EYE, 0.5))).toBeCloseTo(distance(EYE) / 2, 12);
    const around = centred(EYE, [7, 7, 7]);
    expect([around.target, sub(around.position, around.target)]).toEqual([[7, 7, 7], sub(EYE.position, EYE.target)]);
  });
});
