/** A job as it is now: loaded once, changed by its events; asked for again and again where events do not come. */

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { JobView } from '../api/generated';
import { getJobOptions, getJobQueryKey, listJobsInfiniteQueryKey } from '../api/generated/@tanstack/react-query.gen';
import { hasEnded } from '../jobs/state';
import { useSession } from '../state/useSession';
import { useIsVisible } from '../state/visible';
import { applyEvent } from './applyEvent';
import { type Connection, follow } from './follow';
import type { ServerEvent } from './serverEvents';

const POLL_MS = 3000;

/** `onEvent` hears every event that comes while the page is looked at. */
export function useJob(id: string, onEvent?: (event: ServerEvent) => void) {
  const queries = useQueryClient();
  const [connection, setConnection] = useState<Connection>('opening');
  const query = useQuery({
    ...getJobOptions({ path: { id } }),
    refetchInterval: ({ state: { data } }) =>
      !data || hasEnded(data.state) || connection === 'live' ? false : POLL_MS,
  });
  const { data: job } = query;
  const session = useSession().state;
  const isVisible = useIsVisible();
  const isFollowed = job !== undefined && !hasEnded(job.state) && isVisible && session === 'signed-in';
  const hears = useRef(onEvent);
  useEffect(() => {
    hears.current = onEvent;
  });
  useEffect(() => {
    if (!isFollowed) return;
    const key = getJobQueryKey({ path: { id } });
    const known = () => queries.getQueryData<JobView>(key);
    const hear = (event: ServerEvent) => {
      queries.setQueryData<JobView>(key, (before) => before && applyEvent(before, event));
      hears.current?.(event);
      const now = known();
      if (now && hasEnded(now.state)) {
        // statistics and verdicts come with the job, not with its events
        queries.invalidateQueries({ queryKey: key });
        queries.invalidateQueries({ queryKey: listJobsInfiniteQueryKey() });
      }
    };
    const stop = new AbortController();
    const follower = { onEvent: hear, onConnection: setConnection };
    const path = `/api/v1/jobs/${encodeURIComponent(id)}/events`;
    follow(path, known()?.last_event ?? 0, follower, stop.signal).then(() => {
      // it has ended while nobody listened, or there are no events to be had: then asking tells
      if (stop.signal.aborted) return;
      setConnection('lost');
      queries.invalidateQueries({ queryKey: key });
    });
    return () => {
      stop.abort();
      setConnection('opening');
    };
  }, [id, isFollowed, queries]);
  return { ...query, connection };
}
