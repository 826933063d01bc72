/** What somebody sees of a scene: all that a link keeps. */

import { UPS, type Up } from '../frames';
import type { Vec3 } from '../vec';

export const COLOURS = ['rgb', 'height', 'error', 'track'] as const;
export type Colour = (typeof COLOURS)[number];

export interface Section {
  /** Axis of the shown frame that the plane is orthogonal to: 0 x, 1 y (up), 2 z. */
  axis: 0 | 1 | 2;
  /** Where it cuts, as a share of the scene's extent from its middle. */
  at: number;
  /** Which side stays. */
  keep: 'below' | 'above';
}

export interface Eye3 {
  position: Vec3;
  target: Vec3;
}

export interface ViewState {
  /** In the shown frame; none until somebody moves. */
  eye: Eye3 | null;
  up: Up;
  colour: Colour;
  /** Of a point, CSS px; by the number of points until somebody says. */
  pointSize: number | null;
  cameras: boolean;
  photos: boolean;
  grid: boolean;
  section: Section | null;
  /** Metres that one shown unit is long, which is the world's but where two worlds are shown as one; none until somebody says. */
  metresPerUnit: number | null;
  /** Ends of what is measured, world frame. */
  measured: readonly Vec3[];
  /** Name of the image that is looked through. */
  through: string | null;
}

export const POINT_SIZES = { min: 1, max: 8 } as const;
/** What covers a surface: few points are far apart. */
export function pointSizeOf(view: ViewState, numPoints: number): number {
  return view.pointSize ?? (numPoints < 30_000 ? 3.5 : numPoints < 300_000 ? 2.5 : 2);
}

export const MAX_SECTION = 0.75;

export const DEFAULT_VIEW: ViewState = {
  eye: null,
  up: 'cameras',
  colour: 'rgb',
  pointSize: null,
  cameras: true,
  photos: true,
  grid: true,
  section: null,
  metresPerUnit: null,
  measured: [],
  through: null,
};

/** Digits of a coordinate in a link: a pixel of a large screen. */
const DIGITS = 5;

/** For the part of a URL behind `#`; what is as usual is left out. */
export function encodeView(view: ViewState): string {
  const parts = new URLSearchParams();
  if (view.eye) parts.set('eye', numbers([...view.eye.position, ...view.eye.target]));
  if (view.up !== DEFAULT_VIEW.up) parts.set('up', view.up);
  if (view.colour !== DEFAULT_VIEW.colour) parts.set('colour', view.colour);
  if (view.pointSize !== null) parts.set('size', numbers([view.pointSize]));
  const { cameras, photos, grid } = DEFAULT_VIEW;
  if (view.cameras !== cameras || view.photos !== photos || view.grid !== grid) {
    parts.set('show', `${view.cameras ? 'c' : ''}${view.photos ? 'p' : ''}${view.grid ? 'g' : ''}`);
  }
  if (view.section) parts.set('cut', `${'xyz'[view.section.axis]}${numbers([view.section.at])},${view.section.keep}`);
  if (view.metresPerUnit !== null) parts.set('metres', numbers([view.metresPerUnit]));
  if (view.measured.length > 0) parts.set('measured', numbers(view.measured.flat()));
  if (view.through !== null) parts.set('through', view.through);
  // commas may stand in a URL as they are: such a link is shorter, and can be read
  return parts.toString().replaceAll('%2C', ',');
}

/** What of a link can be read; the rest is as usual. */
export function decodeView(hash: string): ViewState {
  const parts = new URLSearchParams(hash.replace(/^#/, ''));
  const view: ViewState = { ...DEFAULT_VIEW };
  const eye = readNumbers(parts.get('eye'));
  const [px, py, pz, tx, ty, tz] = eye;
  if (eye.length === 6 && px !== undefined && py !== undefined && pz !== undefined) {
    view.eye = { position: [px, py, pz], target: [tx ?? 0, ty ?? 0, tz ?? 0] };
  }
  view.up = oneOf(UPS, parts.get('up')) ?? view.up;
  view.colour = oneOf(COLOURS, parts.get('colour')) ?? view.colour;
  const [size] = readNumbers(parts.get('size'));
  if (size !== undefined) view.pointSize = Math.min(POINT_SIZES.max, Math.max(POINT_SIZES.min, size));
  const show = parts.get('show');
  if (show !== null) {
    view.cameras = show.includes('c');
    view.photos = show.includes('p');
    view.grid = show.includes('g');
  }
  view.section = readSection(parts.get('cut'));
  const [metres] = readNumbers(parts.get('metres'));
  if (metres !== undefined && metres > 0) view.metresPerUnit = metres;
  view.measured = readPoints(parts.get('measured'));
  view.through = parts.get('through');
  return view;
}

function readSection(text: string | null): Section | null {
  const [, letter, at, keep] = text?.match(/^([xyz])(-?[\d.e-]+),(below|above)$/) ?? [];
  const axis = letter === undefined ? -1 : 'xyz'.indexOf(letter);
  const share = Number(at);
  if ((axis !== 0 && axis !== 1 && axis !== 2) || !Number.isFinite(share)) return null;
  return {
    axis,
    at: Math.min(MAX_SECTION, Math.max(-MAX_SECTION, share)),
    keep: keep === 'above' ? 'above' : 'below',
  };
}

function readPoints(text: string | null): Vec3[] {
  const [ax, ay, az, bx, by, bz] = readNumbers(text);
  const points: Vec3[] = [];
  if (ax !== undefined && ay !== undefined && az !== undefined) points.push([ax, ay, az]);
  if (bx !== undefined && by !== undefined && bz !== undefined) points.push([bx, by, bz]);
  return points;
}

function numbers(values: readonly number[]): string {
  return values.map((value) => String(Number(value.toPrecision(DIGITS)))).join(',');
}

function readNumbers(text: string | null): number[] {
  const values = text === null || text === '' ? [] : text.split(',').map(Number);
  return values.every(Number.isFinite) ? values : [];
}

function oneOf<T extends string>(known: readonly T[], text: string | null): T | undefined {
  return known.find((one) => one === text);
}
