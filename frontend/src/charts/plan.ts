/** Where the nodes of a match graph stand: as the cameras do, seen from where they spread most; else on a circle. */

import type { ReportImage } from '../report/report';

export interface Place {
  /** 0 to 1, right and down. */
  x: number;
  y: number;
}

type Vector = readonly [number, number, number];

/** Registered images by their projection centres, others in a row below; by image id. */
export function placesOf(images: readonly ReportImage[]): Map<number, Place> {
  const centres = images.flatMap(({ image_id, projection_center }) =>
    projection_center ? [{ id: image_id, centre: projection_center }] : [],
  );
  if (centres.length < 3) return onCircle(images.map(({ image_id }) => image_id));
  const others = images.filter(({ projection_center }) => !projection_center).map(({ image_id }) => image_id);
  const places = inPlane(centres);
  if (others.length === 0) return places;
  for (const [id, { x, y }] of places) places.set(id, { x, y: 0.86 * y });
  others.forEach((id, index) => {
    places.set(id, { x: (index + 1) / (others.length + 1), y: 0.98 });
  });
  return places;
}

function onCircle(ids: readonly number[]): Map<number, Place> {
  const place = (index: number): Place => {
    const angle = (2 * Math.PI * index) / ids.length - Math.PI / 2;
    return { x: 0.5 + 0.47 * Math.cos(angle), y: 0.5 + 0.47 * Math.sin(angle) };
  };
  return new Map(ids.map((id, index) => [id, place(index)]));
}

/** Onto the two directions in which the centres spread most (principal axes), as large as the square allows. */
function inPlane(centres: readonly { id: number; centre: Vector }[]): Map<number, Place> {
  const mean = [0, 1, 2].map((axis) => average(centres.map(({ centre }) => centre[axis] ?? 0)));
  const offsets = centres.map(
    ({ centre }) => centre.map((value, axis) => value - (mean[axis] ?? 0)) as unknown as Vector,
  );
  const first = mainDirection(offsets);
  const rest = offsets.map((offset) => minus(offset, first, dot(offset, first)));
  const second = mainDirection(rest);
  const flat = offsets.map((offset) => [dot(offset, first), dot(offset, second)] as const);
  const reach = Math.max(...flat.flat().map(Math.abs), 1e-9);
  return new Map(
    centres.map(({ id }, index) => {
      const [u = 0, v = 0] = flat[index] ?? [];
      return [id, { x: 0.5 + (0.47 * u) / reach, y: 0.5 + (0.47 * v) / reach }];
    }),
  );
}

/** Power iteration on the covariance, from the farthest offset; a few dozen steps are plenty for a picture. */
function mainDirection(offsets: readonly Vector[]): Vector {
  const length2 = (offset: Vector) => dot(offset, offset);
  let direction = offsets.reduce((best, offset) => (length2(offset) > length2(best) ? offset : best));
  for (let step = 0; step < 50; step += 1) {
    let next: Vector = [0, 0, 0];
    for (const offset of offsets) next = minus(next, offset, -dot(offset, direction));
    const length = Math.hypot(...next);
    if (length < 1e-12) break;
    direction = [next[0] / length, next[1] / length, next[2] / length];
  }
  return direction;
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** `a - scale * b`. */
function minus(a: Vector, b: Vector, scale: number): Vector {
  return [a[0] - scale * b[0], a[1] - scale * b[1], a[2] - scale * b[2]];
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
