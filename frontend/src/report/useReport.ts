/** The report of a job that ended; `null` where it wrote none. */

import { useQuery } from '@tanstack/react-query';
import { authorisedFetch, expectOk } from '../api/client';
import type { JobView } from '../api/generated';
import { ApiError } from '../api/problem';
import { hasEnded } from '../jobs/state';
import { type Report, reportSchema } from './report';

export function useReport(job: Pick<JobView, 'id' | 'state'> | undefined) {
  return useQuery({
    queryKey: ['report', job?.id],
    queryFn: ({ signal }) => loadReport(job?.id ?? '', signal),
    enabled: job !== undefined && hasEnded(job.state),
    // what has ended changes no more
    staleTime: Number.POSITIVE_INFINITY,
  });
}

async function loadReport(id: string, signal: AbortSignal): Promise<Report | null> {
  const path = `/api/v1/jobs/${encodeURIComponent(id)}/artifacts/report.json`;
  try {
    const answer = await expectOk(await authorisedFetch(new URL(path, window.location.href), { signal }));
    return reportSchema.parse(await answer.json());
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
