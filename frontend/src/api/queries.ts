/** The cache of what the server said, and when it is asked again. */

import { MutationCache, onlineManager, QueryCache, QueryClient } from '@tanstack/react-query';
import { asApiError } from './problem';

/** Attempts after the first one, for failures that may pass. */
const MAX_RETRIES = 3;

export function makeQueryClient(): QueryClient {
  // it is told changes only
  onlineManager.setOnline(navigator.onLine);
  return new QueryClient({
    queryCache: new QueryCache(),
    mutationCache: new MutationCache(),
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => failures < MAX_RETRIES && asApiError(error).isTransient,
        retryDelay: (failures, error) => 1000 * (asApiError(error).retryAfterSecs ?? Math.min(30, 2 ** failures)),
      },
      // what is done twice by mistake is worse than what is asked for twice
      mutations: { retry: false },
    },
  });
}
