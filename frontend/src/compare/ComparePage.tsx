/** Two jobs on the same photos, side by side: figures, photos, errors, times, configs. */

import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';
import type { JobView } from '../api/generated';
import { getJobOptions } from '../api/generated/@tanstack/react-query.gen';
import { Page } from '../app/Page';
import { useReport } from '../report/useReport';
import { Button } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Panel } from '../ui/Panel';
import { TableSkeleton } from '../ui/TableSkeleton';
import { Comparison } from './Comparison';
import { JobPicker } from './JobPicker';

export function ComparePage() {
  const [params, setParams] = useSearchParams();
  const [idA, idB] = [params.get('a') ?? '', params.get('b') ?? ''];
  const a = useCompared(idA);
  const b = useCompared(idB);
  const set = (next: { a: string; b: string }) => {
    const chosen = Object.entries(next).filter(([, id]) => id);
    setParams(Object.fromEntries(chosen), { replace: true });
  };
  return (
    <Page
      title="Compare"
      lead="Two reconstructions of the same photos, side by side."
      actions={idA && idB ? <Button onClick={() => set({ a: idB, b: idA })}>Swap A and B</Button> : null}
    >
      <Panel>
        <div className="grid gap-4 sm:grid-cols-2">
          <JobPicker side="A" id={idA} other={b.job} onChange={(id) => set({ a: id, b: idB })} />
          <JobPicker side="B" id={idB} other={a.job} onChange={(id) => set({ a: idA, b: id })} />
        </div>
      </Panel>
      {[a, b].map((side, index) =>
        side.error ? (
          <ErrorNotice
            key={index === 0 ? 'a' : 'b'}
            error={side.error}
            title={`Reconstruction ${index === 0 ? 'A' : 'B'} could not be loaded`}
            onRetry={side.retry}
          />
        ) : null,
      )}
      {idA && idB ? null : (
        <Panel>
          <EmptyState title="Choose two reconstructions">
            Those of the same photos compare best: try one again with another pipeline to get such a pair.
          </EmptyState>
        </Panel>
      )}
      {a.isLoading || b.isLoading ? (
        <Panel flush>
          <TableSkeleton what="Loading the reports" />
        </Panel>
      ) : null}
      {[a, b].some((side) => side.report === null) ? (
        <Panel>
          <EmptyState title="One of them has no report">
            It has not ended, or ended before a report was written.
          </EmptyState>
        </Panel>
      ) : null}
      {a.job && b.job && a.report && b.report ? (
        <Comparison a={{ job: a.job, report: a.report }} b={{ job: b.job, report: b.report }} />
      ) : null}
    </Page>
  );
}

function useCompared(id: string) {
  const job = useQuery({ ...getJobOptions({ path: { id } }), enabled: id !== '' });
  const known: JobView | undefined = id ? job.data : undefined;
  const report = useReport(known);
  return {
    job: known,
    report: known ? report.data : undefined,
    error: id ? (job.error ?? report.error) : null,
    isLoading: id !== '' && (job.isLoading || report.isLoading),
    retry: () => {
      job.refetch();
      if (known) report.refetch();
    },
  };
}
