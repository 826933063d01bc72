/** Two runs on the same photos: photo by photo, figure by figure. */

import type { Report, ReportImage } from '../report/report';

export interface PhotoPair {
  name: string;
  a: ReportImage | undefined;
  b: ReportImage | undefined;
}

/** Photos of both by name; those whose place changed first, then by how much their error did. */
export function photoPairs(a: Report, b: Report): PhotoPair[] {
  const inB = new Map(b.images.map((image) => [image.name, image]));
  const inA = new Set(a.images.map(({ name }) => name));
  const pairs: PhotoPair[] = [
    ...a.images.map((image) => ({ name: image.name, a: image, b: inB.get(image.name) })),
    ...b.images.filter(({ name }) => !inA.has(name)).map((image) => ({ name: image.name, a: undefined, b: image })),
  ];
  return pairs.sort((x, y) => weight(y) - weight(x) || natural.compare(x.name, y.name));
}

/** What happened to a photo from a to b. */
export function changeOf({ a, b }: PhotoPair): 'gained' | 'lost' | 'only in a' | 'only in b' | 'same' {
  if (!b) return 'only in a';
  if (!a) return 'only in b';
  if (a.registered === b.registered) return 'same';
  return b.registered ? 'gained' : 'lost';
}

const natural = new Intl.Collator('en', { numeric: true });

function weight(pair: PhotoPair): number {
  if (changeOf(pair) !== 'same') return Number.POSITIVE_INFINITY;
  return Math.abs((pair.a?.mean_reprojection_error_px ?? 0) - (pair.b?.mean_reprojection_error_px ?? 0));
}

/** Whether both had the same photos, by name. */
export function samePhotos(a: Report, b: Report): boolean {
  const names = (report: Report) => report.images.map(({ name }) => name).sort();
  return JSON.stringify(names(a)) === JSON.stringify(names(b));
}

export interface ComparedFigure {
  name: string;
  unit: string;
  a: number | undefined;
  b: number | undefined;
  /** Which way is good; unknown where it depends. */
  better: 'more' | 'less' | undefined;
}

export function figuresOf(a: Report, b: Report): ComparedFigure[] {
  const of = (
    name: string,
    unit: string,
    better: ComparedFigure['better'],
    value: (report: Report) => number | undefined,
  ) => ({
    name,
    unit,
    better,
    a: value(a),
    b: value(b),
  });
  return [
    of('Registered', 'photos', 'more', ({ statistics }) => statistics?.num_registered ?? 0),
    of('Points', '', 'more', ({ statistics }) => statistics?.num_points3d),
    of('Observations', '', 'more', ({ statistics }) => statistics?.num_observations),
    of('Track length', 'photos a point', 'more', ({ statistics }) => statistics?.mean_track_length),
    of('Reprojection error', 'px', 'less', ({ statistics }) => statistics?.mean_reprojection_error_px),
    of('Verified pairs', '', 'more', ({ pairs }) => pairs.filter(({ num_inliers }) => num_inliers > 0).length),
    of('Keypoints', 'in all photos', undefined, ({ images }) => sum(images.map(({ num_keypoints }) => num_keypoints))),
    of('Time', 's', 'less', ({ run }) => run.total_secs),
    of('Memory', 'MB at most', 'less', ({ run }) => (run.peak_memory_bytes ? run.peak_memory_bytes / 1e6 : undefined)),
  ];
}

/** Whether b is better than a; what differs by less than a thousandth is alike. */
export function verdictOf({ a, b, better }: ComparedFigure): 'better' | 'worse' | 'alike' | undefined {
  if (a === undefined || b === undefined || !better) return undefined;
  if (Math.abs(b - a) <= 1e-3 * Math.max(Math.abs(a), Math.abs(b))) return 'alike';
  return b > a === (better === 'more') ? 'better' : 'worse';
}

/** Lines of two configs that only one of them has. */
export function configDifferences(a: string, b: string): { onlyA: string[]; onlyB: string[] } {
  const lines = (text: string) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line && !line.startsWith('#'));
  const [inA, inB] = [lines(a), lines(b)];
  return { onlyA: inA.filter((line) => !inB.includes(line)), onlyB: inB.filter((line) => !inA.includes(line)) };
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
