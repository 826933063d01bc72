/** What a histogram says in figures. */

import type { ReportHistogram } from '../report/report';

export interface Bin {
  from: number;
  to: number;
  count: number;
  /** Of all values. */
  share: number;
  /** Whether it also holds everything above. */
  isOpen: boolean;
}

/** `isOpen`: the last bin also holds what lies above. */
export function binsOf({ start, bin_width, counts }: ReportHistogram, isOpen: boolean): Bin[] {
  const all = total(counts);
  return counts.map((count, index) => ({
    from: start + index * bin_width,
    to: start + (index + 1) * bin_width,
    count,
    share: all > 0 ? count / all : 0,
    isOpen: isOpen && index === counts.length - 1 && counts.length > 1,
  }));
}

/** Longer tracks are counted with these (`Histogram::of_track_lengths`). */
const LONGEST_TRACK = 50;

/** Whether the last bin of track lengths holds longer ones too. */
export function hasLongerTracks({ start, counts }: ReportHistogram): boolean {
  return start + counts.length - 1 >= LONGEST_TRACK;
}

export function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The value below which this share of all values lies, by straight lines within bins. */
export function quantile({ start, bin_width, counts }: ReportHistogram, share: number): number | undefined {
  const wanted = share * total(counts);
  let before = 0;
  for (const [index, count] of counts.entries()) {
    if (count > 0 && before + count >= wanted) return start + bin_width * (index + (wanted - before) / count);
    before += count;
  }
  return undefined;
}
