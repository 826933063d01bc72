/** Tokens: renewed before they end and when refused, once for all who ask, and never lost to a passing failure. */

import { beforeEach, describe, expect, test, vi } from 'vitest';

/** What the service would answer, by path. */
type Answers = Record<string, (body: Record<string, string>) => Response | Promise<Response>>;

function json(body: object, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}

function tokens(number: number, expiresIn = 900): Response {
  return json({
    access_token: `access-${number}`,
    token_type: 'Bearer',
    expires_in: expiresIn,
    scopes: ['jobs:read', 'jobs:write'],
    refresh_token: `refresh-${number}`,
    refresh_expires_in: 2_592_000,
  });
}

function refused(code: string): Response {
  return json({ type: 'about:blank', title: 'Unauthorized', status: 401, code, detail: 'no', help: 'log in' }, 401);
}

/** A fresh page: modules begin anew, as after a reload; storage stays. */
async function page(answers: Answers) {
  vi.resetModules();
  const calls: string[] = [];
  vi.stubGlobal('fetch', async (input: string | Request, init?: RequestInit) => {
    const request = typeof input === 'string' ? new Request(new URL(input, location.href), init) : input;
    const path = new URL(request.url).pathname;
    calls.push(`${path} ${request.headers.get('authorization') ?? ''}`.trim());
    const text = await request.text();
    const answer = answers[path];
    if (!answer) throw new TypeError('no answer');
    return answer(text ? JSON.parse(text) : { token: request.headers.get('authorization') ?? '' });
  });
  const session = await import('./session');
  const { authorisedFetch } = await import('../api/client');
  return { session, authorisedFetch, calls };
}

beforeEach(() => localStorage.clear());

describe('a session', () => {
  test('keeps the access token in memory and the refresh token over a reload', async () => {
    const first = await page({ '/api/v1/auth/token': () => tokens(1) });
    await first.session.signIn('ann', 'secret');
    expect(first.session.currentSession()).toEqual({
      state: 'signed-in',
      user: 'ann',
      scopes: ['jobs:read', 'jobs:write'],
    });
    expect(JSON.stringify(localStorage)).not.toContain('access-1');
    expect(JSON.stringify(localStorage)).not.toContain('secret');

    const reloaded = await page({
      '/api/v1/auth/refresh': (body) => (body['refresh_token'] === 'refresh-1' ? tokens(2) : refused('wrong')),
    });
    expect(reloaded.session.currentSession().state).toBe('signed-in');
    expect(await reloaded.session.accessToken()).toBe('access-2');
  });

  test('renews a token that is about to end before it is used, once for all who ask', async () => {
    const { session, calls } = await page({
      '/api/v1/auth/token': () => tokens(1, 20),
      '/api/v1/auth/refresh': () => tokens(2),
    });
    await session.signIn('ann', 'secret');
    const given = await Promise.all([session.accessToken(), session.accessToken(), session.accessToken()]);
    expect(given).toEqual(['access-2', 'access-2', 'access-2']);
    expect(calls.filter((call) => call.startsWith('/api/v1/auth/refresh'))).toHaveLength(1);
  });

  test('sends a refused request again with a new token, and its body too', async () => {
    const bodies: string[] = [];
    const { session, authorisedFetch, calls } = await page({
      '/api/v1/auth/token': () => tokens(1),
      '/api/v1/auth/refresh': () => tokens(2),
      '/api/v1/jobs': (body) => {
        bodies.push(JSON.stringify(body));
        return bodies.length === 1 ? refused('invalid_token') : json({ done: true }, 202);
      },
    });
    await session.signIn('ann', 'secret');
    const answer = await authorisedFetch(new URL('/api/v1/jobs', location.href), { method: 'POST', body: '{"a":1}' });
    expect(answer.status).toBe(202);
    expect(bodies).toEqual(['{"a":1}', '{"a":1}']);
    expect(calls).toContain('/api/v1/jobs Bearer access-2');
  });

  test('that the server ended says so and remembers who it was', async () => {
    const { session } = await page({
      '/api/v1/auth/token': () => tokens(1, 1),
      '/api/v1/auth/refresh': () => refused('wrong_credentials'),
    });
    await session.signIn('ann', 'secret');
    await expect(session.accessToken()).rejects.toMatchObject({ code: 'session_ended' });
    expect(session.currentSession()).toEqual({ state: 'ended', user: 'ann' });
    // so after a reload and in other tabs, where work waits too
    const reloaded = await page({ '/api/v1/auth/token': () => tokens(2) });
    expect(reloaded.session.currentSession()).toEqual({ state: 'ended', user: 'ann' });
    await reloaded.session.signIn('ann', 'secret');
    expect(reloaded.session.currentSession().state).toBe('signed-in');
  });

  test('outlives a server that does not answer', async () => {
    const { session } = await page({ '/api/v1/auth/token': () => tokens(1, 1) });
    await session.signIn('ann', 'secret');
    await expect(session.accessToken()).rejects.toMatchObject({ code: 'no_answer' });
    expect(session.currentSession().state).toBe('signed-in');
    expect(localStorage.getItem('scene3d.session')).toContain('refresh-1');
  });

  test('is signed out here even if the server is not told', async () => {
    const { session } = await page({ '/api/v1/auth/token': () => tokens(1) });
    await session.signIn('ann', 'secret');
    await expect(session.signOut()).rejects.toMatchObject({ code: 'no_answer' });
    expect(session.currentSession()).toEqual({ state: 'signed-out' });
    expect(localStorage.getItem('scene3d.session')).toBeNull();
  });

  test('revokes its refresh token', async () => {
    let revoked = '';
    const { session } = await page({
      '/api/v1/auth/token': () => tokens(1),
      '/api/v1/auth/revoke': (body) => {
        revoked = body['refresh_token'] ?? '';
        return new Response(null, { status: 204 });
      },
    });
    await session.signIn('ann', 'secret');
    await session.signOut();
    expect(revoked).toBe('refresh-1');
  });

  test('acts for nobody else when another user signs in in another tab', async () => {
    const { session } = await page({
      '/api/v1/auth/token': () => tokens(1),
      '/api/v1/auth/refresh': (body) => (body['refresh_token'] === 'of bob' ? tokens(7) : refused('wrong')),
    });
    await session.signIn('ann', 'secret');
    localStorage.setItem('scene3d.session', JSON.stringify({ user: 'bob', scopes: [], refreshToken: 'of bob' }));
    window.dispatchEvent(new StorageEvent('storage', { key: 'scene3d.session' }));
    expect(session.currentSession()).toMatchObject({ user: 'bob' });
    expect(await session.accessToken()).toBe('access-7');
  });

  test('follows what another tab does', async () => {
    const { session } = await page({ '/api/v1/auth/token': () => tokens(1) });
    await session.signIn('ann', 'secret');
    localStorage.clear();
    window.dispatchEvent(new StorageEvent('storage', { key: 'scene3d.session' }));
    expect(session.currentSession()).toEqual({ state: 'signed-out' });
  });
});
