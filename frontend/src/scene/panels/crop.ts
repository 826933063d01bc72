/** The part of a photo around an observation, as a background of CSS. */

/** How much of the photo's long side a crop shows. */
const SHARE = 0.16;

interface Crop {
  backgroundSize: string;
  backgroundPosition: string;
  /** Where the observation lies in the box, 0 to 1. */
  mark: { x: number; y: number };
}

/** A square box; `x` and `y` are shares of the photo's size `[width, height]`. Stays within the photo. */
export function cropAround(x: number, y: number, [width, height]: readonly [number, number]): Crop {
  const side = Math.min(SHARE * Math.max(width, height), width, height);
  const start = (at: number, length: number) => Math.min(length - side, Math.max(0, at * length - side / 2));
  const [left, top] = [start(x, width), start(y, height)];
  // CSS: 0 % lays the photo's start on the box's, 100 % its end on the box's
  const percent = (offset: number, length: number) => (length > side ? (100 * offset) / (length - side) : 0);
  return {
    backgroundSize: `${(100 * width) / side}% ${(100 * height) / side}%`,
    backgroundPosition: `${percent(left, width)}% ${percent(top, height)}%`,
    mark: { x: (x * width - left) / side, y: (y * height - top) / side },
  };
}
