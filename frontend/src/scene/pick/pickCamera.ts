/** Which camera lies under the pointer: its lines, or its picture where that is shown. */

import type { Vec3 } from '../vec';
import { type Matrix4, type OnScreen, project } from './project';

/** Projection centre and the corners of the picture, from the top left clockwise. */
export type Pyramid = readonly [Vec3, Vec3, Vec3, Vec3, Vec3];

interface Pick {
  x: number;
  y: number;
  radiusPx: number;
  /** From the pyramids' frame. */
  windowFromFrame: Matrix4;
  /** Whether pictures are shown, so that their inside counts. */
  hasPictures: boolean;
}

/** Place in the list and distance, or nothing. */
export function pickCamera(pyramids: readonly Pyramid[], pick: Pick): { camera: number; depth: number } | null {
  let best: { camera: number; depth: number } | null = null;
  for (const [camera, pyramid] of pyramids.entries()) {
    const seen = pyramid.map((vertex) => project(pick.windowFromFrame, vertex));
    const [apex, ...corners] = seen;
    if (!apex || !corners.every((corner) => corner !== null)) continue;
    const depth = Math.min(apex.depth, ...corners.map((corner) => corner.depth));
    if (best && best.depth <= depth) continue;
    const isOn =
      (pick.hasPictures && isInside(corners, pick)) || lines(apex, corners).some((line) => isNear(line, pick));
    if (isOn) best = { camera, depth };
  }
  return best;
}

type Line = readonly [OnScreen, OnScreen];

function lines(apex: OnScreen, corners: readonly OnScreen[]): Line[] {
  return corners.flatMap((corner, i): Line[] => [
    [apex, corner],
    [corner, corners[(i + 1) % corners.length] ?? corner],
  ]);
}

function isNear([a, b]: Line, { x, y, radiusPx }: Pick): boolean {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = ((x - a.x) * dx + (y - a.y) * dy) / Math.max(1e-12, dx * dx + dy * dy);
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(a.x + t * dx - x, a.y + t * dy - y) <= radiusPx;
}

/** By the side of each edge: a picture is convex. */
function isInside(corners: readonly OnScreen[], { x, y }: Pick): boolean {
  const sides = corners.map((a, i) => {
    const b = corners[(i + 1) % corners.length] ?? a;
    return (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
  });
  return sides.every((side) => side >= 0) || sides.every((side) => side <= 0);
}
