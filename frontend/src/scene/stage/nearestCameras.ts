/** Whose photos are worth fetching: those that look largest. */

import type { Pyramid } from '../pick/pickCamera';
import { norm, sub, type Vec3 } from '../vec';

/** A picture that is nearer than so many of its depths would fill the view. */
const MIN_DEPTHS = 2.5;

/** Places in the list, the nearest first; those behind the eye come last, those around it not at all. */
export function nearestCameras(pyramids: readonly Pyramid[], eye: Vec3, forward: Vec3, most: number): number[] {
  const ranked = pyramids.flatMap((pyramid, camera) => {
    const offset = sub(pyramid[0], eye);
    if (norm(offset) < MIN_DEPTHS * norm(sub(pyramid[1], pyramid[0]))) return [];
    const isBehind = offset[0] * forward[0] + offset[1] * forward[1] + offset[2] * forward[2] < 0;
    return [{ camera, distance: norm(offset) * (isBehind ? 8 : 1) }];
  });
  ranked.sort((a, b) => a.distance - b.distance || a.camera - b.camera);
  return ranked.slice(0, most).map(({ camera }) => camera);
}
