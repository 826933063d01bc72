/** The face of a table whose rows are on their way. */

import { SlowNote } from './SlowNote';

export function TableSkeleton({ what, rows = 5 }: { what: string; rows?: number }) {
  return (
    <div role="status" className="flex flex-col">
      <span className="sr-only">{what}…</span>
      {Array.from({ length: rows }, (_, row) => row).map((row) => (
        <div
          key={row}
          aria-hidden="true"
          className="flex items-center gap-6 border-t border-line px-4 py-3.5 first:border-0"
        >
          <div className="h-4 w-1/4 animate-pulse rounded-sm bg-line" />
          <div className="h-4 w-1/12 animate-pulse rounded-sm bg-line" />
          <div className="h-4 flex-1 animate-pulse rounded-sm bg-line" />
        </div>
      ))}
      <SlowNote />
    </div>
  );
}
