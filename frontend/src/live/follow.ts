/**
 * Follows a job's events over lost connections: goes on behind the last event that came, with growing pauses, until the
 * job ends, the server says no, or nobody looks any more.
 */

import { authorisedFetch, expectOk } from '../api/client';
import { asApiError } from '../api/problem';
import { type ServerEvent, serverEvents } from './serverEvents';

/** Whether events come as they happen; `opening` while that is not known. */
export type Connection = 'opening' | 'live' | 'lost';

interface Follower {
  onEvent(event: ServerEvent): void;
  onConnection(connection: Connection): void;
}

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 15_000;

/** Pause before the next attempt; different for each page, so that not all come at once when the server is back. */
export function pauseMs(failures: number, random = Math.random()): number {
  return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, failures - 1)) * (0.75 + random / 2);
}

export async function follow(path: string, after: number, follower: Follower, signal: AbortSignal): Promise<void> {
  let last = after;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const answer = await open(path, last, signal);
      // the job has ended and everything was told
      if (!answer.body || answer.status === 204) return;
      follower.onConnection('live');
      for await (const event of serverEvents(answer.body)) {
        if (signal.aborted) return;
        failures = 0;
        last = event.id;
        follower.onEvent(event);
        if (tellsTheEnd(event)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      const problem = asApiError(error);
      if (problem.status >= 400 && !problem.isTransient) {
        follower.onConnection('lost');
        return;
      }
    }
    failures += 1;
    follower.onConnection('lost');
    await sleep(pauseMs(failures), signal);
  }
}

async function open(path: string, last: number, signal: AbortSignal): Promise<Response> {
  const headers = { accept: 'text/event-stream', 'last-event-id': String(last) };
  return expectOk(await authorisedFetch(new URL(path, window.location.href), { headers, signal }));
}

const END = /"state":"(succeeded|failed|cancelled)"/;

function tellsTheEnd({ kind, data }: ServerEvent): boolean {
  return kind === 'state' && END.test(data);
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
