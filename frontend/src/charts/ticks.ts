/** Where the lines of an axis stand: round values, few of them. */

/** Round values from 0 to `max`, about `wanted` of them. */
export function ticks(max: number, wanted = 3): number[] {
  if (!(max > 0)) return [0];
  const rough = max / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10) * power;
  const count = Math.floor(max / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}
