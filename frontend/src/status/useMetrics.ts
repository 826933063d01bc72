/** What the service counts, for admins; with what it counted a moment ago, so that there are rates. */

import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { metricsOptions } from '../api/generated/@tanstack/react-query.gen';
import { metric, parsedMetrics, type Sample } from './metrics';

const POLL_MS = 5000;

/** Rates are of so long a time. */
const WINDOW_MS = 60_000;

interface Moment {
  at: number;
  samples: Sample[];
}

export function useMetrics(isAdmin: boolean) {
  const query = useQuery({ ...metricsOptions(), enabled: isAdmin, refetchInterval: POLL_MS });
  const [moments, setMoments] = useState<readonly Moment[]>([]);
  const { data, dataUpdatedAt } = query;
  useEffect(() => {
    if (data === undefined) return;
    const now = { at: dataUpdatedAt, samples: parsedMetrics(data) };
    setMoments((before) => [...before.filter(({ at }) => now.at - at < WINDOW_MS && at < now.at), now]);
  }, [data, dataUpdatedAt]);
  const samples = moments.at(-1)?.samples;
  return { ...query, samples, ratePerSec: (name: string) => ratePerSec(moments, name) };
}

/** Of a counter, over the moments there are; a counter that fell began anew with the server. */
export function ratePerSec(moments: readonly Moment[], name: string): number | undefined {
  const [first, last] = [moments[0], moments.at(-1)];
  if (!first || !last || last.at <= first.at) return undefined;
  const grown = (metric(last.samples, name) ?? 0) - (metric(first.samples, name) ?? 0);
  return grown < 0 ? undefined : (1000 * grown) / (last.at - first.at);
}
