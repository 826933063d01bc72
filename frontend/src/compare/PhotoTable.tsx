/** Photos of two jobs side by side; those whose place changed first. */

import { useMemo, useRef, useState } from 'react';
import { type Report, type ReportImage, verdictInWords } from '../report/report';
import { Badge, type Tone } from '../ui/Badge';
import { count } from '../ui/format';
import { Panel } from '../ui/Panel';
import { Cell, Head } from '../ui/Table';
import { useVirtualRows } from '../ui/useVirtualRows';
import { changeOf, type PhotoPair, photoPairs } from './differences';

const ROW_HEIGHT = 38;
const TONES: Record<string, Tone> = { gained: 'ok', lost: 'bad', 'only in a': 'neutral', 'only in b': 'neutral' };

export function PhotoTable({ a, b }: { a: Report; b: Report }) {
  const pairs = useMemo(() => photoPairs(a, b), [a, b]);
  const [onlyChanged, setOnlyChanged] = useState(false);
  const rows = onlyChanged ? pairs.filter((pair) => changeOf(pair) !== 'same') : pairs;
  const toggle = (
    <label className="flex items-center gap-2 text-sm">
      <input
        type="checkbox"
        className="size-4 accent-accent"
        checked={onlyChanged}
        onChange={(event) => setOnlyChanged(event.target.checked)}
      />
      only those whose place changed
    </label>
  );
  return (
    <Panel title="Photos" aside={toggle} flush>
      {rows.length > 0 ? (
        <Rows rows={rows} />
      ) : (
        <p className="p-4 text-muted">Every photo has a place in both, or in none.</p>
      )}
    </Panel>
  );
}

function Rows({ rows }: { rows: readonly PhotoPair[] }) {
  const box = useRef<HTMLElement>(null);
  const { first, end } = useVirtualRows(box, rows.length, ROW_HEIGHT);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1)
    <section ref={box} aria-label="Photos of both" tabIndex={0} className="relative max-h-[60dvh] overflow-auto">
      <table aria-rowcount={rows.length + 1} className="w-full border-collapse text-left">
        <caption className="sr-only">Photos of both</caption>
        <thead className="sticky top-0 bg-surface">
          <tr aria-rowindex={1}>
            <Head>Photo</Head>
            <Head>In A</Head>
            <Head>In B</Head>
            <Head>Change</Head>
            <Head figures>Error A, px</Head>
            <Head figures>Error B, px</Head>
            <Head figures>Points A</Head>
            <Head figures>Points B</Head>
          </tr>
        </thead>
        <tbody>
          {first > 0 ? <Gap numRows={first} /> : null}
          {rows.slice(first, end).map((pair, index) => (
            <Row key={pair.name} pair={pair} rowIndex={first + index + 2} />
          ))}
          {end < rows.length ? <Gap numRows={rows.length - end} /> : null}
        </tbody>
      </table>
    </section>
  );
}

function Gap({ numRows }: { numRows: number }) {
  return (
    <tr>
      <td colSpan={8} style={{ height: numRows * ROW_HEIGHT }} />
    </tr>
  );
}

function Row({ pair, rowIndex }: { pair: PhotoPair; rowIndex: number }) {
  const change = changeOf(pair);
  return (
    <tr aria-rowindex={rowIndex} style={{ height: ROW_HEIGHT }} className="border-t border-line hover:bg-sunken">
      <Cell className="max-w-64 truncate" title={pair.name}>
        {pair.name}
      </Cell>
      <Cell>{verdict(pair.a)}</Cell>
      <Cell>{verdict(pair.b)}</Cell>
      <Cell>{change === 'same' ? '' : <Badge tone={TONES[change] ?? 'neutral'}>{change}</Badge>}</Cell>
      <Cell figures>{error(pair.a)}</Cell>
      <Cell figures>{error(pair.b)}</Cell>
      <Cell figures>{points(pair.a)}</Cell>
      <Cell figures>{points(pair.b)}</Cell>
    </tr>
  );
}

function verdict(image: ReportImage | undefined): string {
  return image ? verdictInWords(image.verdict) : '–';
}

function error(image: ReportImage | undefined): string {
  const value = image?.mean_reprojection_error_px;
  return value?.toFixed(3) ?? '–';
}

function points(image: ReportImage | undefined): string {
  return image ? count(image.num_observations) : '–';
}
