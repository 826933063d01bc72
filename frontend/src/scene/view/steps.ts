/** Moving by keys: around the target, beside it, towards it. */

import { add, cross, norm, scaled, sub, unit, type Vec3 } from '../vec';
import type { Eye3 } from './viewState';

/** The eye never stands right above or below its target, where it would not know what is to the right. */
const MAX_ELEVATION = (89 * Math.PI) / 180;

/** Around the target, radians: to the right, and up. */
export function orbited({ position, target }: Eye3, right: number, up: number): Eye3 {
  const offset = sub(position, target);
  const distance = norm(offset);
  const azimuth = Math.atan2(offset[0], offset[2]) + right;
  const elevation = Math.asin(Math.min(1, Math.max(-1, offset[1] / Math.max(distance, 1e-12)))) + up;
  const bounded = Math.min(MAX_ELEVATION, Math.max(-MAX_ELEVATION, elevation));
  const flat = distance * Math.cos(bounded);
  const turned: Vec3 = [flat * Math.sin(azimuth), distance * Math.sin(bounded), flat * Math.cos(azimuth)];
  return { position: add(target, turned), target };
}

/** Both the eye and its target, as shares of their distance: to the right, and up. */
export function panned({ position, target }: Eye3, right: number, up: number): Eye3 {
  const forward = sub(target, position);
  const distance = norm(forward);
  const aside = unit(cross(forward, [0, 1, 0]));
  const above = unit(cross(aside, forward));
  const move = add(scaled(aside, right * distance), scaled(above, up * distance));
  return { position: add(position, move), target: add(target, move) };
}

/** So many times as far from the target. */
export function zoomed({ position, target }: Eye3, factor: number): Eye3 {
  return { position: add(target, scaled(sub(position, target), factor)), target };
}

/** With another target, seen from the same side and distance. */
export function centred({ position, target }: Eye3, at: Vec3): Eye3 {
  return { position: add(at, sub(position, target)), target: at };
}
