/** The photos of a report: found, filtered by verdict, sorted. */

import type { ReportImage } from '../report/report';

export type Column =
  | 'name'
  | 'verdict'
  | 'num_keypoints'
  | 'num_inlier_matches'
  | 'num_observations'
  | 'error'
  | 'sharpness';

export interface Sorting {
  column: Column;
  isDescending: boolean;
}

export interface Wanted {
  search: string;
  /** A verdict, `unregistered` for all that are not registered, or empty for all. */
  verdict: string;
  sorting: Sorting;
}

export function wantedRows(images: readonly ReportImage[], { search, verdict, sorting }: Wanted): ReportImage[] {
  const text = search.trim().toLowerCase();
  const sign = sorting.isDescending ? -1 : 1;
  return images
    .filter((image) => image.name.toLowerCase().includes(text) && isOf(image, verdict))
    .sort((a, b) => sign * compared(fieldOf(a, sorting.column), fieldOf(b, sorting.column), sign) || byName(a, b));
}

/** Verdicts that there are, with how many have each, most first. */
export function verdictCounts(images: readonly ReportImage[]): [verdict: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { verdict } of images) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function isOf(image: ReportImage, verdict: string): boolean {
  if (verdict === 'unregistered') return !image.registered;
  return verdict === '' || image.verdict === verdict;
}

function fieldOf(image: ReportImage, column: Column): string | number | null {
  switch (column) {
    case 'name':
      return image.name;
    case 'verdict':
      return image.registered ? '' : image.verdict;
    case 'error':
      return image.mean_reprojection_error_px;
    default:
      return image[column];
  }
}

/** What is not known stands last, whichever way the rows are sorted. */
function compared(a: string | number | null, b: string | number | null, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : (a === null ? 1 : -1) * sign;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return natural.compare(String(a), String(b));
}

/** `image_9` before `image_10`. */
const natural = new Intl.Collator('en', { numeric: true });

function byName(a: ReportImage, b: ReportImage): number {
  return natural.compare(a.name, b.name);
}
