/** A service for tests: what it answers, by method and path; and a page that asks it, signed in. */

import { QueryClientProvider } from '@tanstack/react-query';
import { render } from '@testing-library/react';
import { createMemoryRouter, type RouteObject, RouterProvider } from 'react-router';
import { vi } from 'vitest';
import { setUpClient } from '../api/client';
import { makeQueryClient } from '../api/queries';
import { currentSession, signIn } from '../state/session';

type Answer = (request: Request) => Response | Promise<Response>;

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}

export function problem(status: number, code: string, detail: string, help = ''): Response {
  return json({ type: 'about:blank', title: code, status, code, detail, help }, status);
}

/** A stream of server-sent events; with `isOpen` the connection stays. */
export function eventStream(events: [id: number, kind: string, data: object][], isOpen = false): Response {
  const text = events
    .map(([id, kind, data]) => `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`)
    .join('');
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      if (!isOpen) controller.close();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

/** Answers by `GET /api/v1/jobs`; without one the server does not answer. Gives the list of what was asked. */
export function serve(answers: Record<string, Answer>): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (input: string | URL | Request, init?: RequestInit) => {
    const request = input instanceof Request ? input : new Request(new URL(input, location.href), init);
    const { pathname, search } = new URL(request.url);
    asked.push(`${request.method} ${pathname}${search}`);
    if (pathname === '/api/v1/auth/token') return json(TOKENS);
    const answer = answers[`${request.method} ${pathname}`];
    if (!answer) throw new TypeError('no answer');
    return answer(request);
  });
  return asked;
}

const SCOPES = ['jobs:read', 'jobs:write'];

/** Of whoever signs in. */
const TOKENS = {
  access_token: 'a',
  token_type: 'Bearer',
  expires_in: 900,
  scopes: SCOPES,
  refresh_token: 'r',
  refresh_expires_in: 1000,
};

/** Shows a page at a path, signed in with these scopes. */
export async function show(routes: RouteObject[], at: string, scopes = SCOPES) {
  setUpClient();
  TOKENS.scopes = scopes;
  await signIn('ann', 'secret');
  if (currentSession().state !== 'signed-in') throw new Error('not signed in');
  const router = createMemoryRouter(routes, { initialEntries: [at] });
  const queries = makeQueryClient();
  queries.setDefaultOptions({ queries: { ...queries.getDefaultOptions().queries, retry: false } });
  const shown = render(
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  return { ...shown, router, queries };
}
