/** One job. */

import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';
import { getJobOptions } from '../api/generated/@tanstack/react-query.gen';
import { Page } from '../app/Page';
import { PageLoading } from '../app/PageLoading';
import { Badge } from '../ui/Badge';
import { ErrorNotice } from '../ui/ErrorNotice';
import { counted, dateTime } from '../ui/format';
import { Notice } from '../ui/Notice';
import { ProgressBar } from '../ui/ProgressBar';
import { hasEnded, STATE_TONES } from './state';

/** How often a job that has not ended is asked for. */
const POLL_MS = 2000;

export function JobPage() {
  const { id = '' } = useParams();
  const {
    data: job,
    error,
    isPending,
    refetch,
  } = useQuery({
    ...getJobOptions({ path: { id } }),
    refetchInterval: ({ state }) => (state.data && hasEnded(state.data.state) ? false : POLL_MS),
  });
  if (isPending) return <PageLoading what="Loading the reconstruction" />;
  if (!job) {
    return (
      <Page title="Reconstruction">
        <ErrorNotice error={error} onRetry={() => refetch()} />
      </Page>
    );
  }
  return (
    <Page
      title="Reconstruction"
      lead={
        <>
          <Badge tone={STATE_TONES[job.state]}>{job.state}</Badge> {counted(job.num_images, 'photo')} by {job.config},
          asked for {dateTime(job.created_at)}
        </>
      }
    >
      {job.failure ? (
        <Notice tone="bad" title={job.failure.message}>
          <p className="text-muted">{job.failure.help}</p>
        </Notice>
      ) : null}
      <ol className="flex flex-col gap-3">
        {job.stages.map((stage) => (
          <li key={stage.stage} className="flex flex-col gap-1">
            <span>{stage.stage}</span>
            <ProgressBar label={stage.stage} share={stage.total ? stage.done / stage.total : undefined} />
          </li>
        ))}
      </ol>
    </Page>
  );
}
