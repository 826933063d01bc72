/** What differs between two jobs. */

import { Link } from 'react-router';
import type { JobView } from '../api/generated';
import { Histogram } from '../charts/Histogram';
import { StageTimes } from '../charts/StageTimes';
import { binsOf, hasLongerTracks } from '../charts/summary';
import { pipelineOf } from '../jobs/state';
import type { Report, ReportHistogram } from '../report/report';
import { Notice } from '../ui/Notice';
import { Panel } from '../ui/Panel';
import { ConfigDifferences } from './ConfigDifferences';
import { samePhotos } from './differences';
import { FigureTable } from './FigureTable';
import { PhotoTable } from './PhotoTable';
import { ScenesPanel } from './ScenesPanel';

export interface Side {
  job: JobView;
  report: Report;
}

export function Comparison({ a, b }: { a: Side; b: Side }) {
  return (
    <>
      {samePhotos(a.report, b.report) ? null : (
        <Notice tone="warn" title="They are not of the same photos">
          <p>Figures of different photos say little about the pipelines.</p>
        </Notice>
      )}
      <Panel title="Figures" flush>
        <FigureTable a={a} b={b} />
      </Panel>
      {[a, b].every(({ report }) => report.statistics) ? <ScenesPanel a={a.job.id} b={b.job.id} /> : null}
      <Both
        title="Reprojection errors"
        {...{ a, b }}
        unit="px"
        what="observations"
        of={(report) => report.reprojection_errors_px}
        isOpen
      />
      <Both
        title="Track lengths"
        {...{ a, b }}
        unit="photos"
        what="points"
        of={(report) => report.track_lengths}
        isOpen={[a, b].some(({ report }) => hasLongerTracks(report.track_lengths))}
        isWhole
      />
      <Panel title="Time of each stage" aside={<Keys a={a} b={b} />}>
        <StageTimes
          runs={[
            { name: 'A', stages: a.report.stages },
            { name: 'B', stages: b.report.stages },
          ]}
        />
      </Panel>
      <ConfigDifferences a={a.job.config_toml} b={b.job.config_toml} />
      <PhotoTable a={a.report} b={b.report} />
    </>
  );
}

interface BothProps {
  title: string;
  a: Side;
  b: Side;
  unit: string;
  what: string;
  of: (report: Report) => ReportHistogram;
  isOpen: boolean;
  isWhole?: boolean;
}

/** Two histograms to one scale. */
function Both({ title, a, b, of, ...rest }: BothProps) {
  const histograms = [a, b].map(({ report }) => of(report));
  const numBins = Math.max(...histograms.map(({ counts }) => counts.length));
  const shares = histograms.flatMap((histogram) => binsOf(histogram, false).map(({ share }) => share));
  const tallestShare = Math.max(...shares, 1e-9);
  return (
    <div className="grid gap-4 md:grid-cols-2">
      {([a, b] as const).map((side, index) => (
        <Panel key={side.job.id} title={`${title} of ${index === 0 ? 'A' : 'B'}`}>
          <Histogram
            title={`${title} of ${index === 0 ? 'A' : 'B'}`}
            histogram={widened(of(side.report), numBins)}
            isOther={index === 1}
            tallestShare={tallestShare}
            {...rest}
          />
        </Panel>
      ))}
    </div>
  );
}

/** With empty bins behind the last, so that both have as many. */
function widened(histogram: ReportHistogram, numBins: number): ReportHistogram {
  const counts = Array.from({ length: numBins }, (_, bin) => histogram.counts[bin] ?? 0);
  return { ...histogram, counts };
}

function Keys({ a, b }: { a: Side; b: Side }) {
  return (
    <p className="flex flex-wrap gap-x-5 text-sm text-muted">
      <Key className="bg-accent" name="A" side={a} />
      <Key className="bg-line-strong" name="B" side={b} />
    </p>
  );
}

export function Key({ className, name, side }: { className: string; name: string; side: Side }) {
  return (
    <span className="flex items-center gap-1.5">
      <span aria-hidden="true" className={`size-2.5 rounded-sm ${className}`} />
      {name}{' '}
      <Link to={`/jobs/${side.job.id}`} className="text-accent-strong underline underline-offset-2">
        {pipelineOf(side.job)}
      </Link>
    </span>
  );
}
