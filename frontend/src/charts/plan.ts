/** Where the nodes of a match graph stand: as the cameras do, seen from where they spread most; else on a circle. */

import type { ReportImage } from '../report/report';

export interface Place {
  /** Right and down, in units of the picture's width. */
  x: number;
  y: number;
}

export interface Plan {
  places: Map<number, Place>;
  /** In units of the width. */
  height: number;
}

/** Flatter pictures are hard to point at, taller ones need scrolling. */
const [MIN_HEIGHT, MAX_HEIGHT] = [0.3, 0.62];

type Vector = readonly [number, number, number];

/** Registered images by their projection centres, others in a row below; by image id. */
export function planOf(images: readonly ReportImage[]): Plan {
  const centres = images.flatMap(({ image_id, projection_center }) =>
    projection_center ? [{ id: image_id, centre: projection_center }] : [],
  );
  if (centres.length < 3) return onCircle(images.map(({ image_id }) => image_id));
  const others = images.filter(({ projection_center }) => !projection_center).map(({ image_id }) => image_id);
  const { places, height } = inPlane(centres);
  if (others.length === 0) return { places, height };
  others.forEach((id, index) => {
    places.set(id, { x: (index + 1) / (others.length + 1), y: height + ROW_HEIGHT });
  });
  return { places, height: height + ROW_HEIGHT };
}

/** Of the row of images without a place, below the others. */
const ROW_HEIGHT = 0.08;

function onCircle(ids: readonly number[]): Plan {
  const radius = MAX_HEIGHT / 2;
  const place = (index: number): Place => {
    const angle = (2 * Math.PI * index) / ids.length - Math.PI / 2;
    return { x: 0.5 + radius * Math.cos(angle), y: radius + radius * Math.sin(angle) };
  };
  return { places: new Map(ids.map((id, index) => [id, place(index)])), height: MAX_HEIGHT };
}

/** Onto the two directions in which the centres spread most (principal axes), as large as the picture allows. */
function inPlane(centres: readonly { id: number; centre: Vector }[]): Plan {
  const mean = [0, 1, 2].map((axis) => average(centres.map(({ centre }) => centre[axis] ?? 0)));
  const offsets = centres.map(
    ({ centre }) => centre.map((value, axis) => value - (mean[axis] ?? 0)) as unknown as Vector,
  );
  const first = mainDirection(offsets);
  const second = mainDirection(offsets.map((offset) => minus(offset, first, dot(offset, first))));
  const across = extent(offsets.map((offset) => dot(offset, first)));
  const down = extent(offsets.map((offset) => dot(offset, second)));
  const height = Math.min(MAX_HEIGHT, Math.max(MIN_HEIGHT, down.span / across.span));
  const scale = Math.min(1 / across.span, height / down.span);
  const places = centres.map(({ id }, index): [number, Place] => {
    const offset = offsets[index] ?? [0, 0, 0];
    const x = 0.5 + scale * (dot(offset, first) - across.middle);
    return [id, { x, y: height / 2 + scale * (dot(offset, second) - down.middle) }];
  });
  return { places: new Map(places), height };
}

function extent(values: readonly number[]): { span: number; middle: number } {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { span: Math.max(high - low, 1e-12), middle: (low + high) / 2 };
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
