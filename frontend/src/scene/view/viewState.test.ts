/** A link keeps the view, and stands bad links. */

import { describe, expect, it } from 'vitest';
import { DEFAULT_VIEW, decodeView, encodeView, type ViewState } from './viewState';

const FULL: ViewState = {
  eye: { position: [1.2345, -20.5, 3e-7], target: [0, 100250, -3.25] },
  up: '-z',
  colour: 'track',
  pointSize: 3.5,
  cameras: false,
  photos: false,
  grid: false,
  section: { axis: 2, at: -0.125, keep: 'above' },
  metresPerUnit: 0.53217,
  measured: [
    [1, 2, 3],
    [-4, 5.5, 6],
  ],
  through: 'folder/photo #1 & ä.jpg',
};

describe('links', () => {
  it('of the usual view are empty', () => {
    expect(encodeView(DEFAULT_VIEW)).toBe('');
    expect(decodeView('')).toEqual(DEFAULT_VIEW);
  });

  it('keep everything', () => {
    expect(decodeView(`#${encodeView(FULL)}`)).toEqual(FULL);
  });

  it('keep half a measurement, and each part by itself', () => {
    for (const key of Object.keys(FULL) as (keyof ViewState)[]) {
      const view = { ...DEFAULT_VIEW, [key]: FULL[key] };
      expect(decodeView(encodeView(view)), key).toEqual(view);
    }
    const half = { ...DEFAULT_VIEW, measured: [[1, 2, 3]] as const };
    expect(decodeView(encodeView(half))).toEqual(half);
  });

  it('keep places as finely as a large screen shows', () => {
    const eye = { position: [1 / 3, 2000 / 7, -1e-4 / 3], target: [0, 0, 0] } as const;
    const back = decodeView(encodeView({ ...DEFAULT_VIEW, eye })).eye;
    for (const [i, value] of eye.position.entries()) {
      expect(Math.abs((back?.position[i] ?? 0) - value)).toBeLessThanOrEqual(5e-5 * Math.abs(value));
    }
  });

  it('stay short', () => {
    expect(encodeView({ ...DEFAULT_VIEW, eye: FULL.eye }).length).toBeLessThan(70);
  });

  it.each([
    'eye=1,2,3',
    'eye=1,2,3,4,5,x',
    'eye=1,2,3,4,5,Infinity',
    'up=north',
    'colour=mauve',
    'size=big',
    'cut=w0,below',
    'cut=y0.1,beside',
    'metres=-1',
    'metres=0',
    'measured=1,2',
    '%%%=&&&',
  ])('that say nonsense (%s) show the usual view', (hash) => {
    expect(decodeView(`#${hash}`)).toEqual(DEFAULT_VIEW);
  });

  it('are kept within bounds', () => {
    expect(decodeView('#size=99').pointSize).toBe(8);
    expect(decodeView('#cut=x7,below').section?.at).toBe(0.75);
  });
});
