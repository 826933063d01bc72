/**
 * Who is signed in. The access token lives in memory only; the refresh token, good for one use, in `localStorage`: so a
 * reload or a link opened in another tab stays signed in. Tabs take turns with it (Web Locks), since the server ends a
 * log-in whose refresh token is used twice.
 */

import { z } from 'zod';
import { zTokenAnswer } from '../api/generated/zod.gen';
import { ApiError, noAnswer, problemOf } from '../api/problem';

/** Where the next token of this origin's log-in is kept. */
const STORED = 'scene3d.session';

/** A token that ends sooner is renewed before it is used. */
const MARGIN_MS = 30_000;

const stored = z.object({ user: z.string(), scopes: z.array(z.string()), refreshToken: z.string() });

/** That a session ended is told to other tabs and reloads too: there as here, work on the page waits. */
const storedEnd = z.object({ user: z.string(), ended: z.literal(true) });

/** What stays over a reload. */
type Stored = z.infer<typeof stored> | z.infer<typeof storedEnd>;

export type Session =
  | { state: 'signed-out' }
  | { state: 'signed-in'; user: string; scopes: readonly string[] }
  /** It was, until the server refused its tokens; what is on the page waits for the same user. */
  | { state: 'ended'; user: string };

interface Access {
  token: string;
  endsAt: number;
}

let access: Access | undefined;
let renewal: Promise<string> | undefined;
let session: Session = fromStored();
const listeners = new Set<() => void>();

/** For `useSyncExternalStore`. */
export function subscribeSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function currentSession(): Session {
  return session;
}

/** Logs in with name and password. */
export async function signIn(user: string, password: string): Promise<void> {
  const answer = await post('/api/v1/auth/token', { user, password });
  keep(user, zTokenAnswer.parse(await answer.json()));
}

/** Logs out, here and in other tabs; the server forgets the log-in even if the answer is lost. */
export async function signOut(): Promise<void> {
  const kept = read();
  access = undefined;
  localStorage.removeItem(STORED);
  become({ state: 'signed-out' });
  if (kept && 'refreshToken' in kept) await post('/api/v1/auth/revoke', { refresh_token: kept.refreshToken });
}

/**
 * A token that holds, renewed if need be. With `refused`, a token that the server has just refused is not given again.
 * All who ask at the same time share one renewal.
 */
export async function accessToken(refused?: string): Promise<string> {
  const holds = access && access.token !== refused && access.endsAt - MARGIN_MS > Date.now();
  if (access && holds) return access.token;
  renewal ??= inTurn(renew).finally(() => {
    renewal = undefined;
  });
  return renewal;
}

async function renew(): Promise<string> {
  // another tab may have used the token since
  const kept = read();
  if (!kept || !('refreshToken' in kept)) throw sessionEnded();
  const { user, refreshToken } = kept;
  try {
    const answer = await post('/api/v1/auth/refresh', { refresh_token: refreshToken });
    return keep(user, zTokenAnswer.parse(await answer.json()));
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      access = undefined;
      write({ user, ended: true });
      become({ state: 'ended', user });
      throw sessionEnded();
    }
    throw error;
  }
}

/** One tab at a time; browsers give locks to secure pages only, and others have but this tab to look after. */
function inTurn<T>(task: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request(STORED, task) : task();
}

async function post(path: string, body: object): Promise<Response> {
  const sent = fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await sent.catch(() => {
    throw noAnswer();
  });
  if (!answer.ok) throw problemOf(answer, await answer.text());
  return answer;
}

function keep(user: string, answer: z.infer<typeof zTokenAnswer>): string {
  access = { token: answer.access_token, endsAt: Date.now() + 1000 * answer.expires_in };
  const { scopes } = answer;
  if (answer.refresh_token) write({ user, scopes, refreshToken: answer.refresh_token });
  become({ state: 'signed-in', user, scopes });
  return access.token;
}

function write(kept: Stored) {
  localStorage.setItem(STORED, JSON.stringify(kept));
}

function become(next: Session) {
  if (JSON.stringify(next) === JSON.stringify(session)) return;
  session = next;
  for (const listener of listeners) listener();
}

function read(): Stored | undefined {
  try {
    return z.union([stored, storedEnd]).parse(JSON.parse(localStorage.getItem(STORED) ?? ''));
  } catch {
    return undefined;
  }
}

function fromStored(): Session {
  const kept = read();
  if (!kept) return { state: 'signed-out' };
  const { user } = kept;
  return 'ended' in kept ? { state: 'ended', user } : { state: 'signed-in', user, scopes: kept.scopes };
}

function sessionEnded(): ApiError {
  return new ApiError({
    status: 401,
    code: 'session_ended',
    title: 'Your session has ended',
    detail: 'the server accepts its tokens no more',
    help: 'sign in again; nothing on this page is lost',
  });
}

// another tab signed in or out, or renewed the token
window.addEventListener('storage', (event) => {
  if (event.key !== STORED) return;
  const next = fromStored();
  // a token of one user must not act for another
  const isSame = next.state === 'signed-in' && session.state !== 'signed-out' && next.user === session.user;
  if (!isSame) access = undefined;
  become(next);
});
