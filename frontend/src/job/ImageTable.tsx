/** Every photo of a job: what was found in it, and whether it has a place in the model, or why not. */

import { useMemo, useRef, useState } from 'react';
import { type ReportImage, verdictInWords } from '../report/report';
import { EmptyState } from '../ui/EmptyState';
import { count } from '../ui/format';
import { Panel } from '../ui/Panel';
import { useVirtualRows } from '../ui/useVirtualRows';
import { ImageRow, ROW_HEIGHT } from './ImageRow';
import { type Column, type Sorting, verdictCounts, wantedRows } from './imageRows';
import { SortHead } from './SortHead';

/** More rows than this are drawn as they come into view, all equally tall. */
const MAX_DRAWN = 200;

interface ImageTableProps {
  jobId: string;
  images: readonly ReportImage[];
}

export function ImageTable({ jobId, images }: ImageTableProps) {
  const [search, setSearch] = useState('');
  const [verdict, setVerdict] = useState('');
  const [sorting, setSorting] = useState<Sorting>({ column: 'name', isDescending: false });
  const rows = useMemo(() => wantedRows(images, { search, verdict, sorting }), [images, search, verdict, sorting]);
  const numRegistered = images.filter((image) => image.registered).length;
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <search className="flex w-full gap-2 sm:w-auto">
          <input
            type="search"
            aria-label="Search by name"
            placeholder="Search by name"
            className="control min-w-0 sm:w-56!"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
          <select
            aria-label="Verdict"
            className="control w-44! shrink-0 sm:w-52!"
            value={verdict}
            onChange={(event) => setVerdict(event.target.value)}
          >
            <option value="">every verdict ({count(images.length)})</option>
            <option value="unregistered">not registered ({count(images.length - numRegistered)})</option>
            {verdictCounts(images).map(([one, number]) => (
              <option key={one} value={one}>
                {verdictInWords(one)} ({count(number)})
              </option>
            ))}
          </select>
        </search>
        <p role="status" className="text-sm text-muted">
          {count(rows.length)} of {count(images.length)} photos
        </p>
      </div>
      <Panel flush>
        {rows.length === 0 ? <EmptyState title="No photo is like that" /> : null}
        {rows.length > 0 ? <Rows {...{ jobId, rows, sorting, setSorting }} /> : null}
      </Panel>
    </div>
  );
}

interface RowsProps {
  jobId: string;
  rows: readonly ReportImage[];
  sorting: Sorting;
  setSorting: (sorting: Sorting) => void;
}

const COLUMNS: readonly { column: Column; name: string; figures?: boolean }[] = [
  { column: 'name', name: 'Photo' },
  { column: 'verdict', name: 'Place in the model' },
  { column: 'num_keypoints', name: 'Keypoints', figures: true },
  { column: 'num_inlier_matches', name: 'Matches', figures: true },
  { column: 'num_observations', name: 'Points', figures: true },
  { column: 'error', name: 'Error, px', figures: true },
  { column: 'sharpness', name: 'Sharpness', figures: true },
];

function Rows({ jobId, rows, sorting, setSorting }: RowsProps) {
  const box = useRef<HTMLElement>(null);
  const isVirtual = rows.length > MAX_DRAWN;
  const inView = useVirtualRows(box, rows.length, ROW_HEIGHT);
  const { first, end } = isVirtual ? inView : { first: 0, end: rows.length };
  const gap = (numRows: number) =>
    numRows > 0 ? (
      <tr className="border-0!">
        <td colSpan={COLUMNS.length} style={{ height: numRows * ROW_HEIGHT }} />
      </tr>
    ) : null;
  return (
    <section
      ref={box}
      aria-label="Photos"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1)
      tabIndex={0}
      className={`relative overflow-auto ${isVirtual ? 'max-h-[70dvh]' : ''}`}
    >
      <table
        aria-rowcount={rows.length + 1}
        className="w-full border-collapse text-left [&_tbody_tr:hover]:bg-sunken [&_tbody_tr]:border-t [&_tbody_tr]:border-line"
      >
        <caption className="sr-only">Photos</caption>
        <thead className="sticky top-0 z-10 bg-surface">
          <tr aria-rowindex={1}>
            {COLUMNS.map((one) => (
              <SortHead key={one.column} {...one} sorting={sorting} onSort={setSorting} />
            ))}
          </tr>
        </thead>
        <tbody>
          {gap(first)}
          {rows.slice(first, end).map((image, index) => (
            <ImageRow key={image.name} jobId={jobId} image={image} rowIndex={first + index + 2} isFixed={isVirtual} />
          ))}
          {gap(rows.length - end)}
        </tbody>
      </table>
    </section>
  );
}
