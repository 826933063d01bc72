/**
 * A photo by tus: not at all if the server has its bytes, else from where an earlier attempt stopped, also one before a
 * reload; then the server's verdict is waited for.
 */

import { type DetailedError, Upload } from 'tus-js-client';
import type { UploadDetail } from '../api/generated';
import { getImage, getUpload } from '../api/generated';
import { ApiError, asApiError, noAnswer, problemOf } from '../api/problem';
import { accessToken } from '../state/session';
import type { Photo } from './photo';
import type { Sender, Sending, SendingEvents, Sent } from './uploadQueue';

const ENDPOINT = '/api/v1/tus';

/** Waits before another attempt of one request, milliseconds. */
const RETRY_DELAYS_MS = [500, 1500, 4000];

/** The server looks at an image in well under a second, at a ZIP in as long as it takes. */
const FIRST_POLL_MS = 150;
const MAX_POLL_MS = 3000;

export const tusSender: Sender = {
  send(photo, on) {
    const stopped = new AbortController();
    return { done: sent(photo, on, stopped.signal), stop: () => stopped.abort() } satisfies Sending;
  },
};

async function sent(photo: Photo, on: SendingEvents, signal: AbortSignal): Promise<Sent> {
  const known = photo.facts?.sha256;
  if (known && (await isThere(known))) {
    on.looking();
    return { images: [known], uploadId: undefined, numNotUsed: 0 };
  }
  signal.throwIfAborted();
  const uploadId = await transferred(photo, on, signal);
  on.looking();
  return verdict(uploadId, signal);
}

/** Whether the user uploaded the same bytes before. */
async function isThere(sha256: string): Promise<boolean> {
  try {
    await getImage({ path: { sha256 }, throwOnError: true });
    return true;
  } catch (error) {
    const problem = asApiError(error);
    if (problem.status === 404) return false;
    throw problem;
  }
}

/** Sends the bytes that are missing; gives the upload's id. */
async function transferred(photo: Photo, on: SendingEvents, signal: AbortSignal): Promise<string> {
  let token = await accessToken();
  return new Promise((resolve, reject) => {
    const upload = new Upload(photo.file, {
      endpoint: ENDPOINT,
      metadata: { filename: photo.path },
      retryDelays: RETRY_DELAYS_MS,
      removeFingerprintOnSuccess: true,
      // by what stays the same when the same file is chosen again
      fingerprint: async () => `scene3d.tus-${photo.path}-${photo.file.size}-${photo.file.lastModified}`,
      onBeforeRequest: async (request) => {
        token = await accessToken();
        request.setHeader('authorization', `Bearer ${token}`);
      },
      onShouldRetry: (error) => mayPass(error, () => accessToken(token).catch(() => undefined)),
      onProgress: (bytes) => on.sent(bytes),
      onSuccess: () => resolve(upload.url?.split('/').at(-1) ?? ''),
      onError: (error) => reject(asProblem(error)),
    });
    signal.addEventListener('abort', () => upload.abort());
    upload
      .findPreviousUploads()
      .then((previous) => {
        const last = previous.at(-1);
        if (last) upload.resumeFromPreviousUpload(last);
        if (!signal.aborted) upload.start();
      })
      .catch(reject);
  });
}

/** A refused token is renewed and the request repeated; the client waits before it does. */
function mayPass(error: DetailedError | Error, renew: () => void): boolean {
  const status = statusOf(error);
  if (status === 401) renew();
  return status === undefined ? navigator.onLine : [401, 409, 423, 429].includes(status) || status >= 500;
}

function statusOf(error: DetailedError | Error): number | undefined {
  return ('originalResponse' in error && error.originalResponse?.getStatus()) || undefined;
}

function asProblem(error: DetailedError | Error): ApiError {
  const cause = 'causingError' in error ? error.causingError : undefined;
  if (cause instanceof ApiError) return cause;
  if (error instanceof ApiError) return error;
  const response = 'originalResponse' in error ? error.originalResponse : null;
  if (!response) return noAnswer();
  const headers = new Headers();
  const id = response.getHeader('x-request-id');
  if (id) headers.set('x-request-id', id);
  return problemOf(new Response(null, { status: response.getStatus(), headers }), response.getBody());
}

async function verdict(id: string, signal: AbortSignal): Promise<Sent> {
  for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(MAX_POLL_MS, 1.6 * waitMs)) {
    const { data } = await getUpload({ path: { id }, throwOnError: true, signal });
    if (data.state === 'ready') {
      return { images: data.images.map((image) => image.sha256), uploadId: id, numNotUsed: data.num_not_used };
    }
    if (data.state !== 'checking' && data.state !== 'receiving') throw refusal(data);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    signal.throwIfAborted();
  }
}

function refusal({ state, problem }: UploadDetail): ApiError {
  const why = (problem?.detail ?? `the upload was ${state}`).replaceAll('`', '');
  // of a ZIP it says which file in it
  const detail = problem?.entry && !why.includes(problem.entry) ? `${problem.entry}: ${why}` : why;
  return new ApiError({
    code: problem?.code ?? state,
    title: 'The server refused this file',
    detail,
    help: problem?.help ?? 'send it again',
  });
}
