/** What a colour stands for: its quantity, its range, its name. */

import { figure } from '../../ui/format';
import type { TilesIndex } from '../tiles/format';
import { formatLength } from '../view/measure';
import type { Colour } from '../view/viewState';

export interface Colouring {
  /** What the shader is told. */
  mode: 0 | 1 | 2 | 3;
  /** Values of the first and the last colour of the ramp; unused for photo colours. */
  range: readonly [number, number];
  /** The range in words, and what lies outside of it; none for photo colours. */
  legend: { title: string; low: string; high: string } | null;
}

export const COLOUR_NAMES: Record<Colour, string> = {
  rgb: 'Photo colour',
  height: 'Height',
  error: 'Reprojection error',
  track: 'Track length',
};

/** `heights`: in the shown frame, once they are known. */
export function colouringOf(
  colour: Colour,
  index: TilesIndex,
  heights: readonly [number, number] | null,
  metresPerUnit: number | null,
): Colouring {
  switch (colour) {
    case 'rgb':
      return { mode: 0, range: [0, 1], legend: null };
    case 'height': {
      const range = heights ?? [0, 1];
      const span = formatLength(range[1] - range[0], metresPerUnit);
      return { mode: 1, range, legend: { title: 'Height', low: '0', high: `${span} up` } };
    }
    case 'error': {
      const range = wide(index.error_px.min, index.error_px.p95);
      const legend = {
        title: 'Mean reprojection error',
        low: `${figure(range[0])} px`,
        high: `${figure(range[1])} px and more`,
      };
      return { mode: 2, range, legend };
    }
    case 'track': {
      const range = wide(index.track_length.min, Math.min(255, index.track_length.p95));
      const legend = {
        title: 'Photos that see the point',
        low: figure(range[0]),
        high: `${figure(range[1])} and more`,
      };
      return { mode: 3, range, legend };
    }
  }
}

/** A range that can be divided by. */
function wide(low: number, high: number): readonly [number, number] {
  return high > low ? [low, high] : [low, low + 1];
}
