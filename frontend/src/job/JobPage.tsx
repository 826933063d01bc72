/** One job: what it is, what can be done with it, and its parts behind tabs, each with an address of its own. */

import { Outlet, useOutletContext, useParams } from 'react-router';
import type { JobView } from '../api/generated';
import { ApiError } from '../api/problem';
import { Page } from '../app/Page';
import { PageLoading } from '../app/PageLoading';
import { hasEnded, pipelineOf } from '../jobs/state';
import type { Connection } from '../live/follow';
import { useJob } from '../live/useJob';
import { useReport } from '../report/useReport';
import { ErrorNotice } from '../ui/ErrorNotice';
import { counted } from '../ui/format';
import { JobActions } from './JobActions';
import { JobLead } from './JobLead';
import { JobTabs } from './JobTabs';
import { NoSuchJob } from './NoSuchJob';
import { useLog } from './useLog';

interface JobContext {
  job: JobView;
  connection: Connection;
  log: ReturnType<typeof useLog>;
  report: ReturnType<typeof useReport>;
}

/** What the tabs of a job show. */
export function useJobContext(): JobContext {
  return useOutletContext<JobContext>();
}

export function JobPage() {
  const { id = '' } = useParams();
  // nothing of one job is shown with the next
  return <Job key={id} id={id} />;
}

function Job({ id }: { id: string }) {
  const { data: job, error, isPending, refetch, connection, log } = useJobWithLog(id);
  const report = useReport(job);
  if (isPending) return <PageLoading what="Loading the reconstruction" />;
  if (!job) {
    if (error instanceof ApiError && error.status === 404) return <NoSuchJob id={id} />;
    return (
      <Page title="Reconstruction">
        <ErrorNotice error={error} title="The reconstruction could not be loaded" onRetry={() => refetch()} />
      </Page>
    );
  }
  const context: JobContext = { job, connection, log, report };
  return (
    <Page
      title={`${counted(job.num_images, 'photo')} by ${pipelineOf(job)}`}
      lead={<JobLead job={job} connection={connection} />}
      actions={<JobActions job={job} />}
    >
      <JobTabs job={job} />
      <Outlet context={context} />
    </Page>
  );
}

/** The log hears the events that the job is followed by. */
function useJobWithLog(id: string) {
  const job = useJob(id, (event) => log.hear(event));
  const isOver = job.data !== undefined && hasEnded(job.data.state);
  const log = useLog(id, job.connection === 'live', isOver);
  return { ...job, log };
}
