/** Two sets of values in the same bins: usual ones below the line, these above it. */

import type { Histogram } from '../api/generated';
import { figure } from '../ui/format';

interface TwoHistogramsProps {
  histogram: Histogram;
  /** Of the values. */
  unit: string;
  /** For screen readers: what is shown. */
  label: string;
}

const HEIGHT = 46;

export function TwoHistograms({ histogram: { edges, baseline, images }, unit, label }: TwoHistogramsProps) {
  const numBins = baseline.length;
  const tallest = Math.max(...baseline, ...images, 1e-9);
  const bar = (share: number) => (share / tallest) * HEIGHT;
  return (
    <figure className="flex min-w-0 flex-col gap-1">
      <svg
        viewBox={`0 0 ${10 * numBins} ${2 * HEIGHT + 2}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
        className="h-24 w-full"
      >
        {images.map((share, bin) => (
          <rect
            key={edges[bin]}
            x={10 * bin + 0.75}
            width={8.5}
            y={HEIGHT - bar(share)}
            height={bar(share)}
            className="fill-accent"
          />
        ))}
        <rect x={0} width={10 * numBins} y={HEIGHT} height={1} className="fill-line-strong" />
        {baseline.map((share, bin) => (
          <rect
            key={edges[bin]}
            x={10 * bin + 0.75}
            width={8.5}
            y={HEIGHT + 2}
            height={bar(share)}
            className="fill-line-strong"
          />
        ))}
      </svg>
      <figcaption className="flex justify-between gap-2 text-xs text-muted">
        <span>{figure(edges[0] ?? 0)}</span>
        <span>{unit}</span>
        <span>{figure(edges.at(-1) ?? 0)}</span>
      </figcaption>
    </figure>
  );
}
