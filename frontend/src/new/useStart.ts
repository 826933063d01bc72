/** From "start" to a job: uploads what is missing, then asks for the job, once. */

import { useCallback, useEffect, useRef, useState } from 'react';
import { createJob, type JobRequest, type JobView } from '../api/generated';
import { type ApiError, asApiError } from '../api/problem';
import { uploadQueue } from './draft';
import type { Photo } from './photo';
import { wanted } from './photoList';
import { useQueue } from './useDraft';
import type { Pipeline } from './usePipeline';

export interface Start {
  /** Whether a job will be asked for when everything is there. */
  isAsked: boolean;
  isCreating: boolean;
  error: ApiError | undefined;
  job: JobView | undefined;
  begin(): void;
  cancel(): void;
}

export function useStart(photos: readonly Photo[], pipeline: Pipeline): Start {
  const queue = useQueue();
  const [isAsked, setAsked] = useState(false);
  const [isCreating, setCreating] = useState(false);
  const [error, setError] = useState<ApiError>();
  const [job, setJob] = useState<JobView>();
  const keys = useRef(new Map<string, string>());

  const create = useCallback(async () => {
    setCreating(true);
    try {
      const body = jobRequest(photos, pipeline);
      setJob(await created(body, keyOf(keys.current, body)));
    } catch (thrown) {
      setError(asApiError(thrown));
    } finally {
      setCreating(false);
      setAsked(false);
    }
  }, [photos, pipeline]);

  const isAllThere = wanted(photos).every((photo) => photo.transfer.state === 'done');
  useEffect(() => {
    if (isAsked && isAllThere && !isCreating && !job) create();
  }, [isAsked, isAllThere, isCreating, job, create]);

  // what failed is the user's to decide about
  useEffect(() => {
    if (isAsked && queue.state === 'idle' && photos.some((photo) => photo.transfer.state === 'failed')) setAsked(false);
  }, [isAsked, queue.state, photos]);

  return {
    isAsked,
    isCreating,
    error,
    job,
    begin: () => {
      setError(undefined);
      setAsked(true);
      uploadQueue.start();
    },
    cancel: () => setAsked(false),
  };
}

/** A single ZIP keeps the folders within it; several uploads are named by their images. */
export function jobRequest(
  photos: readonly Photo[],
  pipeline: Pick<Pipeline, 'name' | 'text' | 'isEdited'>,
): JobRequest {
  const done = wanted(photos).flatMap(({ transfer }) => (transfer.state === 'done' ? [transfer] : []));
  const only = done.length === 1 ? done[0]?.uploadId : undefined;
  const images = only ? { upload_id: only } : { image_ids: [...new Set(done.flatMap((one) => one.images))] };
  return { ...images, ...(pipeline.isEdited ? { config_toml: pipeline.text } : { config: pipeline.name ?? '' }) };
}

async function created(body: JobRequest, key: string): Promise<JobView> {
  const { data } = await createJob({ body, headers: { 'Idempotency-Key': key }, throwOnError: true });
  return data;
}

/** The same request has the same key: one whose answer was lost makes no second job. */
function keyOf(keys: Map<string, string>, body: JobRequest): string {
  const text = JSON.stringify(body);
  const random = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0'));
  const key = keys.get(text) ?? random.join('');
  keys.set(text, key);
  return key;
}
