/** Counts in bins as bars: the bin below the pointer is told in words, and all of them stand in a table behind it. */

import { useState } from 'react';
import type { ReportHistogram } from '../report/report';
import { count, figure } from '../ui/format';
import { ChartTable } from './ChartTable';
import { type Bin, binsOf } from './summary';
import { ticks } from './ticks';

interface HistogramProps {
  /** What is counted, e.g. `Reprojection errors`. */
  title: string;
  histogram: ReportHistogram;
  /** Of the values; empty for counts of things. */
  unit: string;
  /** What a count is of, in the plural. */
  what: string;
  /** Bins of whole numbers: `3`, not `3–4`. */
  isWhole?: boolean;
  /** Whether the last bin also holds what lies above. */
  isOpen: boolean;
  /** Of all that is compared, so that bars compare too. */
  tallestShare?: number;
  /** Of two that are compared, the other. */
  isOther?: boolean;
}

const HEIGHT = 100;

export function Histogram(props: HistogramProps) {
  const { title, histogram, unit, what, isOpen, isWhole = false, tallestShare, isOther = false } = props;
  const [pointed, setPointed] = useState<number>();
  const bins = binsOf(histogram, isOpen);
  const tallest = tallestShare ?? Math.max(...bins.map((bin) => bin.share), 1e-9);
  const lines = ticks(100 * tallest);
  const bin = pointed === undefined ? undefined : bins[pointed];
  return (
    <figure className="flex min-w-0 flex-col gap-1.5">
      <p aria-hidden="true" className="h-5 text-sm text-muted">
        {bin ? inWords(bin, unit, what, isWhole) : ''}
      </p>
      <div className="flex gap-2">
        <div aria-hidden="true" className="relative w-9 shrink-0 text-right text-xs text-muted">
          {lines.map((line) => (
            <span key={line} className="absolute right-0 -translate-y-1/2" style={{ top: `${100 - line / tallest}%` }}>
              {line} %
            </span>
          ))}
        </div>
        <svg
          viewBox={`0 0 ${10 * bins.length} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${title}: ${bins.length} bins, the table below has them`}
          className="h-40 min-w-0 flex-1"
          onPointerMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            setPointed(Math.floor(((event.clientX - box.left) / box.width) * bins.length));
          }}
          onPointerLeave={() => setPointed(undefined)}
        >
          {lines.map((line) => (
            <line
              key={line}
              x1={0}
              x2={10 * bins.length}
              y1={HEIGHT - line / tallest}
              y2={HEIGHT - line / tallest}
              className="stroke-line"
              vectorEffect="non-scaling-stroke"
            />
          ))}
          {bins.map(({ from, share }, index) => (
            <rect
              key={from}
              x={10 * index + 0.6}
              width={8.8}
              y={HEIGHT - (share / tallest) * HEIGHT}
              height={(share / tallest) * HEIGHT}
              className={index === pointed ? 'fill-ink' : isOther ? 'fill-line-strong' : 'fill-accent'}
            />
          ))}
        </svg>
      </div>
      <Axis bins={bins} unit={unit} isWhole={isWhole} />
      <ChartTable
        caption={title}
        head={[unit || 'Value', what, 'Share']}
        rows={bins.map((one) => [range(one, isWhole), count(one.count), percent(one.share)])}
      />
    </figure>
  );
}

function Axis({ bins, unit, isWhole }: { bins: readonly Bin[]; unit: string; isWhole: boolean }) {
  const [first, middle, last] = [bins[0], bins[Math.floor(bins.length / 2)], bins.at(-1)];
  const end = isWhole ? last?.from : last?.to;
  return (
    <div aria-hidden="true" className="ml-11 flex justify-between text-xs text-muted">
      <span>{first ? tidy(first.from) : ''}</span>
      <span>{middle && bins.length > 4 ? tidy(middle.from) : ''}</span>
      <span>
        {end === undefined ? '' : tidy(end)}
        {last?.isOpen ? '+' : ''} {unit}
      </span>
    </div>
  );
}

function inWords(bin: Bin, unit: string, what: string, isWhole: boolean): string {
  return `${range(bin, isWhole)}${unit ? ` ${unit}` : ''}: ${count(bin.count)} ${what}, ${percent(bin.share)}`;
}

function range({ from, to, isOpen }: Bin, isWhole: boolean): string {
  if (isOpen) return `${tidy(from)} or more`;
  return isWhole ? tidy(from) : `${tidy(from)}–${tidy(to)}`;
}

/** 0.1 × 3 is 0.3 to people. */
function tidy(value: number): string {
  return figure(Number(value.toPrecision(6)));
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}
