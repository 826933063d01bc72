/** Every photo against every other: darker where more matches hold. Sequences show as a band, loops beside it. */

import { useMemo, useState } from 'react';
import type { Report } from '../report/report';
import { count, counted } from '../ui/format';
import { type MatrixCell, matrixOf } from './pairs';

const MAX_SIZE = 80;

export function MatchMatrix({ report }: { report: Pick<Report, 'images' | 'pairs'> }) {
  const [pointed, setPointed] = useState<MatrixCell>();
  const matrix = useMemo(() => matrixOf(report, MAX_SIZE), [report]);
  const most = Math.max(1, ...matrix.cells.map(({ inliers }) => inliers));
  const nameOf = (row: number) => report.images[row * matrix.imagesPerRow]?.name ?? '';
  const told = pointed
    ? `${nameOf(pointed.row)} and ${nameOf(pointed.column)}: ${matrix.imagesPerRow > 1 ? 'up to ' : ''}${count(pointed.inliers)} matches`
    : 'Point at a cell to see its pair.';
  return (
    <div className="flex flex-col gap-2">
      <p aria-hidden="true" className="min-h-5 text-sm text-muted">
        {told}
      </p>
      <svg
        viewBox={`0 0 ${matrix.size} ${matrix.size}`}
        role="img"
        aria-label={`Match matrix of ${counted(report.images.length, 'photo')}`}
        className="mx-auto aspect-square w-full max-w-[32rem] bg-sunken"
        shapeRendering="crispEdges"
        onPointerLeave={() => setPointed(undefined)}
      >
        {matrix.cells.flatMap((cell) =>
          mirrored(cell).map(([x, y]) => (
            <rect
              key={`${x} ${y}`}
              x={x}
              y={y}
              width={1}
              height={1}
              className={cell === pointed ? 'fill-ink' : 'fill-accent'}
              fillOpacity={cell === pointed ? 1 : 0.12 + 0.88 * Math.sqrt(cell.inliers / most)}
              onPointerEnter={() => setPointed(cell)}
            />
          )),
        )}
      </svg>
      <p className="text-center text-sm text-muted">
        Photos in the order of their names, from the top and from the left
        {matrix.imagesPerRow > 1 ? `; ${matrix.imagesPerRow} photos share a row` : ''}.
      </p>
    </div>
  );
}

function mirrored({ row, column }: MatrixCell): [number, number][] {
  return row === column
    ? [[row, row]]
    : [
        [column, row],
        [row, column],
      ];
}
