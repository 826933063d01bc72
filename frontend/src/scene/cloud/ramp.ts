/** The colours of quantities: viridis, which is even to the eye, in print, and to the colour-blind (S. van der Walt, N. Smith, 2015). */

type Rgb = readonly [number, number, number];

const STOPS: readonly Rgb[] = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];

/** Of a share from 0 to 1. */
export function rampColour(share: number): Rgb {
  const at = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
  const below = Math.min(STOPS.length - 2, Math.floor(at));
  const [a, b] = [STOPS[below], STOPS[below + 1]];
  if (!a || !b) return [0, 0, 0];
  const mixed = (channel: 0 | 1 | 2) => Math.round(a[channel] + (b[channel] - a[channel]) * (at - below));
  return [mixed(0), mixed(1), mixed(2)];
}

/** `[n, 4]` for a texture. */
export function rampBytes(numSteps: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * numSteps);
  for (let i = 0; i < numSteps; i++) bytes.set([...rampColour(i / (numSteps - 1)), 255], 4 * i);
  return bytes;
}

export const RAMP_CSS = `linear-gradient(to right, ${STOPS.map((stop) => `rgb(${stop.join(' ')})`).join(', ')})`;
