/** Pairs of a report as a graph: which images hold together, and how strongly. */

import type { Report, ReportPair } from '../report/report';

/** Pairs whose matches one geometry explains, strongest first. */
export function verifiedPairs(pairs: readonly ReportPair[]): ReportPair[] {
  return pairs.filter(({ num_inliers }) => num_inliers > 0).sort((a, b) => b.num_inliers - a.num_inliers);
}

export interface Neighbours {
  count: number;
  strongest: { image: number; inliers: number } | undefined;
}

export function neighboursOf(verified: readonly ReportPair[], image: number): Neighbours {
  const own = verified.filter(({ image1, image2 }) => image1 === image || image2 === image);
  const first = own[0];
  const strongest = first && {
    image: first.image1 === image ? first.image2 : first.image1,
    inliers: first.num_inliers,
  };
  return { count: own.length, strongest };
}

export interface MatrixCell {
  row: number;
  column: number;
  /** Inliers of the strongest pair in it. */
  inliers: number;
  pairs: number;
}

export interface Matrix {
  /** Rows and columns. */
  size: number;
  /** Images that share a row. */
  imagesPerRow: number;
  /** Above the diagonal, those with matches only. */
  cells: MatrixCell[];
}

/** Images in the order of the report, several to a row where there are more than `maxSize`. */
export function matrixOf({ images, pairs }: Pick<Report, 'images' | 'pairs'>, maxSize: number): Matrix {
  const imagesPerRow = Math.max(1, Math.ceil(images.length / maxSize));
  const rowOf = new Map(images.map(({ image_id }, index) => [image_id, Math.floor(index / imagesPerRow)]));
  const cells = new Map<string, MatrixCell>();
  for (const { image1, image2, num_inliers } of pairs) {
    const [a, b] = [rowOf.get(image1), rowOf.get(image2)];
    if (a === undefined || b === undefined || num_inliers === 0) continue;
    const [row, column] = [Math.min(a, b), Math.max(a, b)];
    const key = `${row} ${column}`;
    const before = cells.get(key) ?? { row, column, inliers: 0, pairs: 0 };
    cells.set(key, { ...before, inliers: Math.max(before.inliers, num_inliers), pairs: before.pairs + 1 });
  }
  return { size: Math.ceil(images.length / imagesPerRow), imagesPerRow, cells: [...cells.values()] };
}
