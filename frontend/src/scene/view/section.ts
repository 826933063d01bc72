/** The plane of a section. */

import type { Vec3 } from '../vec';
import type { Section } from './viewState';

export type PlaneEquation = readonly [number, number, number, number];

/** In the shown frame, `[nx, ny, nz, d]`, positive where points stay; `center` and `extent` are the scene's. */
export function sectionPlane(section: Section | null, center: Vec3, extent: number): PlaneEquation | null {
  if (!section) return null;
  const { axis, at, keep } = section;
  const side = keep === 'below' ? -1 : 1;
  const normal = [0, 1, 2].map((i) => (i === axis ? side : 0)) as [number, number, number];
  return [...normal, -side * (center[axis] + at * extent)];
}
