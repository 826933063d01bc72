/** What differs between two jobs. */

import { Link } from 'react-router';
import type { JobView } from '../api/generated';
import { Histogram } from '../charts/Histogram';
import { StageTimes } from '../charts/StageTimes';
import { binsOf } from '../charts/summary';
import type { Report, ReportHistogram } from '../report/report';
import { Notice } from '../ui/Notice';
import { Panel } from '../ui/Panel';
import { ConfigDifferences } from './ConfigDifferences';
import { samePhotos } from './differences';
import { FigureTable } from './FigureTable';
import { PhotoTable } from './PhotoTable';

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
      <Both
        title="Reprojection errors"
        {...{ a, b }}
        unit="px"
        what="observations"
        of={(report) => report.reprojection_errors_px}
      />
      <Both
        title="Track lengths"
        {...{ a, b }}
        unit="photos"
        what="points"
        of={(report) => report.track_lengths}
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
  isWhole?: boolean;
}

/** Two histograms to one scale. */
function Both({ title, a, b, of, ...rest }: BothProps) {
  const shares = [a, b].flatMap(({ report }) => binsOf(of(report)).map(({ share }) => share));
  const tallestShare = Math.max(...shares, 1e-9);
  return (
    <div className="grid gap-4 md:grid-cols-2">
      {([a, b] as const).map((side, index) => (
        <Panel key={side.job.id} title={`${title} of ${index === 0 ? 'A' : 'B'}`}>
          <Histogram
            title={`${title} of ${index === 0 ? 'A' : 'B'}`}
            histogram={of(side.report)}
            tallestShare={tallestShare}
            {...rest}
          />
        </Panel>
      ))}
    </div>
  );
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
      <Link to={`/jobs/${side.job.id}`} className="text-accent-strong hover:underline">
        {side.job.config}
      </Link>
    </span>
  );
}
