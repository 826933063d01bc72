/** The photos of a job, once there is something to say of each. */

import { hasEnded } from '../jobs/state';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Panel } from '../ui/Panel';
import { TableSkeleton } from '../ui/TableSkeleton';
import { ImageTable } from './ImageTable';
import { useJobContext } from './JobPage';

export function PhotosTab() {
  const { job, report } = useJobContext();
  if (report.data) return <ImageTable jobId={job.id} images={report.data.images} />;
  return <NoReportYet what="What was found in each photo, and whether it has a place in the model" />;
}

/** The face of what stands in the report, while there is none. */
export function NoReportYet({ what }: { what: string }) {
  const { job, report } = useJobContext();
  return (
    <Panel flush>
      {report.isError ? (
        <div className="p-4">
          <ErrorNotice error={report.error} title="The report could not be loaded" onRetry={() => report.refetch()} />
        </div>
      ) : null}
      {report.isLoading ? <TableSkeleton what="Loading the report" /> : null}
      {report.data === null ? (
        <EmptyState title="There is no report">
          The reconstruction {job.state === 'cancelled' ? 'was cancelled' : 'failed'} before one was written.
        </EmptyState>
      ) : null}
      {hasEnded(job.state) ? null : <EmptyState title="Not yet">{what}: told when it ends.</EmptyState>}
    </Panel>
  );
}
