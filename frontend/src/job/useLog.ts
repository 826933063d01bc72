/** A job's log as it grows: what was told before the page came, and what events tell since. */

import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { jobLogsOptions } from '../api/generated/@tanstack/react-query.gen';
import type { ServerEvent } from '../live/serverEvents';
import { type LogLine, lineOf, merged, parsedLog } from './log';

/** `isLive`: events tell the rest; else the log is asked for again. */
export function useLog(id: string, isLive: boolean, hasEnded: boolean) {
  const [fresh, setFresh] = useState<LogLine[]>([]);
  const query = useQuery({
    ...jobLogsOptions({ path: { id } }),
    refetchInterval: isLive || hasEnded ? false : 5000,
    staleTime: hasEnded ? 60_000 : 0,
  });
  const hear = useCallback((event: ServerEvent) => {
    const line = lineOf(event);
    if (line) setFresh((before) => [...before, line]);
  }, []);
  const lines = useMemo(() => merged(parsedLog(query.data ?? ''), fresh), [query.data, fresh]);
  return { lines, hear, error: query.error, isPending: query.isPending, refetch: query.refetch };
}
