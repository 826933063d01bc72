/** The head of a column that rows are sorted by when it is pressed. */

import { Head } from '../ui/Table';
import type { Column, Sorting } from './imageRows';

interface SortHeadProps {
  column: Column;
  name: string;
  figures?: boolean;
  sorting: Sorting;
  onSort: (sorting: Sorting) => void;
}

export function SortHead({ column, name, figures = false, sorting, onSort }: SortHeadProps) {
  const isSorted = sorting.column === column;
  const direction = sorting.isDescending ? 'descending' : 'ascending';
  // of figures the greatest are looked for first
  const next = isSorted ? !sorting.isDescending : figures;
  return (
    <Head figures={figures} aria-sort={isSorted ? direction : undefined} className="py-0!">
      <button
        type="button"
        className="min-h-9 uppercase hover:text-ink"
        onClick={() => onSort({ column, isDescending: next })}
      >
        {/* before figures, so that they stand below the end of their name */}
        {figures ? <Arrow sorting={isSorted ? sorting : undefined} /> : null}
        {name}
        {figures ? null : <Arrow sorting={isSorted ? sorting : undefined} />}
      </button>
    </Head>
  );
}

function Arrow({ sorting }: { sorting: Sorting | undefined }) {
  return (
    <span aria-hidden="true" className="mx-1 inline-block w-2">
      {sorting ? (sorting.isDescending ? '↓' : '↑') : ''}
    </span>
  );
}
