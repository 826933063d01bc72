/** What is done to jobs, and what is asked for again when it is done. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { cancelJob, deleteJob, makeLink, type RetryRequest, retryJob } from '../api/generated';
import { getJobQueryKey, listJobsInfiniteQueryKey } from '../api/generated/@tanstack/react-query.gen';
import { asApiError } from '../api/problem';
import { tell } from '../ui/Toast';

function useRefreshed() {
  const queries = useQueryClient();
  return (id: string) => {
    queries.invalidateQueries({ queryKey: getJobQueryKey({ path: { id } }) });
    queries.invalidateQueries({ queryKey: listJobsInfiniteQueryKey() });
  };
}

/** Errors are told as news: what was pressed may be gone by then. */
function failed(what: string) {
  return (error: unknown) => tell(`${what}: ${asApiError(error).message}`, 'bad');
}

export function useCancel() {
  const refresh = useRefreshed();
  return useMutation({
    mutationFn: async (id: string) => (await cancelJob({ path: { id }, throwOnError: true })).data,
    onSettled: (_data, _error, id) => refresh(id),
    onError: failed('It was not cancelled'),
  });
}

export function useDelete() {
  const refresh = useRefreshed();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => deleteJob({ path: { id }, throwOnError: true }),
    onSuccess: (_data, id) => {
      queries.removeQueries({ queryKey: ['report', id] });
      queries.invalidateQueries({ queryKey: listJobsInfiniteQueryKey() });
      tell('The reconstruction is deleted.', 'ok');
    },
    onError: (_error, id) => refresh(id),
  });
}

export function useRetry(id: string) {
  const refresh = useRefreshed();
  return useMutation({
    mutationFn: async ({ body, key }: { body: RetryRequest; key: string }) =>
      (await retryJob({ path: { id }, body, headers: { 'Idempotency-Key': key }, throwOnError: true })).data,
    onSuccess: () => refresh(id),
  });
}

/** A link that the browser downloads by itself, at its own pace, without a token. */
export function useDownload(id: string) {
  return useMutation({
    mutationFn: async (name: string) => {
      const { data } = await makeLink({ path: { id }, body: { name }, throwOnError: true });
      const anchor = document.createElement('a');
      anchor.href = data.href;
      anchor.download = name.split('/').at(-1) ?? name;
      anchor.click();
    },
    onError: failed('It could not be downloaded'),
  });
}
