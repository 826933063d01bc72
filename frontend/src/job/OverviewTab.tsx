/** A job at a glance: what became of it, its model, its stages, what it tells. */

import { Link } from 'react-router';
import { hasEnded } from '../jobs/state';
import { counted } from '../ui/format';
import { Notice } from '../ui/Notice';
import { FailureNotice } from './FailureNotice';
import { useJobContext } from './JobPage';
import { LogTail } from './LogTail';
import { ModelFigures } from './ModelFigures';
import { ScenePanel } from './ScenePanel';
import { StageTracker } from './StageTracker';

export function OverviewTab() {
  const { job, log, report } = useJobContext();
  const isDrifted = job.drift?.status === 'drift';
  const numMoved = job.drift?.features.filter((feature) => feature.drifted).length ?? 0;
  return (
    <div className="flex flex-col gap-4">
      <FailureNotice job={job} report={report.data ?? undefined} />
      {isDrifted ? (
        <Notice tone="warn" title="The photos do not look as usual">
          <p>
            {counted(numMoved, 'feature')} moved; results may be worse than usual.{' '}
            <Link to={`/jobs/${job.id}/statistics#drift`} className="text-accent-strong underline underline-offset-2">
              See which
            </Link>
          </p>
        </Notice>
      ) : null}
      {report.data?.warnings.map((warning) => (
        <Notice key={warning} tone="warn" title={warning} />
      ))}
      {report.data ? <ModelFigures report={report.data} /> : null}
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div className="flex min-w-0 flex-col gap-4">
          {job.state === 'succeeded' ? <ScenePanel job={job} /> : null}
          <LogTail
            lines={log.lines}
            error={log.error}
            isPending={log.isPending}
            isOver={hasEnded(job.state)}
            onRetry={() => log.refetch()}
          />
        </div>
        <StageTracker job={job} />
      </div>
    </div>
  );
}
