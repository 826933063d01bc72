/** The user's jobs, page by page; asked for again while some of them are under way. */

import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { JobState, JobSummary } from '../api/generated';
import { listJobsInfiniteOptions } from '../api/generated/@tanstack/react-query.gen';
import { hasEnded } from './state';

const POLL_MS = 5000;
const PAGE_SIZE = 100;

/** A search looks through so many jobs by itself; older ones are asked for. */
const MAX_SEARCHED = 2000;

export function useJobList(state: JobState | undefined, search: string) {
  const query = useInfiniteQuery({
    ...listJobsInfiniteOptions({ query: { limit: PAGE_SIZE, ...(state ? { state } : {}) } }),
    initialPageParam: {},
    getNextPageParam: (last) => last.next ?? undefined,
    refetchInterval: ({ state: { data } }) => (data?.pages.some(({ jobs }) => jobs.some(isActive)) ? POLL_MS : false),
  });
  const jobs = query.data?.pages.flatMap((page) => page.jobs) ?? [];
  const { hasNextPage, isFetching, fetchNextPage } = query;
  const looksFurther = search !== '' && hasNextPage && !isFetching && jobs.length < MAX_SEARCHED && !query.isError;
  useEffect(() => {
    if (looksFurther) fetchNextPage();
  }, [looksFurther, fetchNextPage]);
  return { ...query, jobs, found: jobs.filter((job) => isFound(job, search)) };
}

function isActive(job: JobSummary): boolean {
  return !hasEnded(job.state);
}

/** By id, pipeline, state, stage or day; every word must be there. */
export function isFound(job: JobSummary, search: string): boolean {
  const text = [job.id, job.config, job.state, job.stage ?? '', job.created_at, job.retry_of ?? '']
    .join(' ')
    .toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
