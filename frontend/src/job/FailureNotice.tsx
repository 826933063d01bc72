/** Why a job failed or was cancelled: what, where, and what to try, with the way there. */

import { useState } from 'react';
import { Link } from 'react-router';
import type { JobFailure, JobView } from '../api/generated';
import { RetryDialog } from '../jobs/RetryDialog';
import { STAGE_WORDS } from '../jobs/state';
import type { Report } from '../report/report';
import { Button, buttonClass } from '../ui/Button';
import { counted } from '../ui/format';
import { RetryIcon } from '../ui/icons';
import { Notice } from '../ui/Notice';

interface FailureNoticeProps {
  job: JobView;
  /** If it wrote one. */
  report: Report | undefined;
}

export function FailureNotice({ job, report }: FailureNoticeProps) {
  if (job.failure) return <Failed job={job} failure={job.failure} report={report} />;
  if (job.state !== 'cancelled') return null;
  return (
    <Notice title="It was cancelled">
      <p className="text-muted">What it had finished is kept: another try goes on from there.</p>
      <Retry job={job} />
    </Notice>
  );
}

function Failed({ job, failure, report }: FailureNoticeProps & { failure: JobFailure }) {
  const where = [
    failure.stage ? `in “${STAGE_WORDS[failure.stage] ?? failure.stage}”` : '',
    failure.plugin ? `by the plugin ${failure.plugin}` : '',
  ].filter(Boolean);
  // it ran to its end, and the stage that noticed is not to blame
  const title =
    failure.code === 'no_model' ? 'No model came of these photos' : ['It failed', where.join(', ')].join(' ');
  const numLost = report?.images.filter((image) => !image.registered).length ?? 0;
  return (
    <Notice tone="bad" alert title={title}>
      <p>{failure.message}</p>
      <p className="text-muted">
        {failure.help}
        {failure.transient ? ' The same may succeed when it is tried again.' : ''}
      </p>
      <div className="flex flex-wrap items-center gap-3">
        <Retry job={job} />
        {numLost > 0 ? (
          <Link to={`/jobs/${job.id}/photos`} className={buttonClass()}>
            Why {counted(numLost, 'photo')} found no place
          </Link>
        ) : null}
        <code className="font-mono text-xs text-muted">{failure.code}</code>
      </div>
    </Notice>
  );
}

function Retry({ job }: { job: JobView }) {
  const [isAsked, setAsked] = useState(false);
  return (
    <div>
      <Button icon={<RetryIcon />} onClick={() => setAsked(true)}>
        Try again, as it was or otherwise
      </Button>
      <RetryDialog job={job} open={isAsked} onClose={() => setAsked(false)} />
    </div>
  );
}
