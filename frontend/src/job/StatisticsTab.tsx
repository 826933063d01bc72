/** A job in figures: how well its photos hold together, how good its points are, where the time went, how it was made. */

import { Histogram } from '../charts/Histogram';
import { StageTimes } from '../charts/StageTimes';
import { hasLongerTracks, quantile } from '../charts/summary';
import { DriftPanel } from '../drift/DriftPanel';
import type { Report, ReportHistogram } from '../report/report';
import { figure } from '../ui/format';
import { Panel } from '../ui/Panel';
import { DriftFigures } from './DriftFigures';
import { useJobContext } from './JobPage';
import { MadeBy } from './MadeBy';
import { MatchPanel } from './MatchPanel';
import { ModelFigures } from './ModelFigures';
import { NoReportYet } from './PhotosTab';

export function StatisticsTab() {
  const { job, report } = useJobContext();
  return (
    <div className="flex flex-col gap-4">
      {report.data ? (
        <OfReport report={report.data} />
      ) : (
        <NoReportYet what="How well the photos hold together, how good the points are, where the time went" />
      )}
      {job.drift ? (
        <div id="drift" className="scroll-mt-16">
          <Panel title="Drift">
            <div className="flex flex-col gap-5">
              <DriftPanel verdict={job.drift} />
              <DriftFigures verdict={job.drift} />
            </div>
          </Panel>
        </div>
      ) : null}
      {report.data ? <MadeBy report={report.data} job={job} /> : null}
    </div>
  );
}

function OfReport({ report }: { report: Report }) {
  const isModel = report.statistics !== null;
  return (
    <>
      <ModelFigures report={report} />
      {isModel ? (
        <div className="grid gap-4 md:grid-cols-2">
          <Panel title="Reprojection errors" aside={<Median histogram={report.reprojection_errors_px} unit="px" />}>
            <Histogram
              title="Reprojection errors"
              histogram={report.reprojection_errors_px}
              unit="px"
              what="observations"
              isOpen
            />
          </Panel>
          <Panel title="Track lengths" aside={<MeanTrack report={report} />}>
            <Histogram
              title="Track lengths"
              histogram={report.track_lengths}
              unit="photos"
              what="points"
              isOpen={hasLongerTracks(report.track_lengths)}
              isWhole
            />
          </Panel>
        </div>
      ) : null}
      <MatchPanel report={report} />
      <Panel title="Time of each stage">
        <StageTimes runs={[{ name: 'this run', stages: report.stages }]} />
      </Panel>
    </>
  );
}

function Median({ histogram, unit }: { histogram: ReportHistogram; unit: string }) {
  const [half, most] = [quantile(histogram, 0.5), quantile(histogram, 0.95)];
  if (half === undefined || most === undefined) return null;
  return (
    <p className="text-sm text-muted">
      median {figure(half)} {unit}, 95 % below {figure(most)} {unit}
    </p>
  );
}

function MeanTrack({ report }: { report: Report }) {
  const mean = report.statistics?.mean_track_length;
  return mean === undefined ? null : <p className="text-sm text-muted">mean {figure(mean)} photos a point</p>;
}
