/** Who is not signed in, who was, and what stays on the page meanwhile. */

import { QueryClientProvider } from '@tanstack/react-query';
import { act, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { expect, test, vi } from 'vitest';
import { makeQueryClient } from '../api/queries';
import { accessToken, signIn, signOut } from '../state/session';
import { RequireSession } from './RequireSession';
import { SignInPage } from './SignInPage';

const PASSWORD = 'right';

function json(body: object, status: number) {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}

/** A service that lets one password in and ends every session when it is asked to renew one. */
function serve() {
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    const body = JSON.parse(String(init.body));
    if (path.endsWith('/revoke')) return new Response(null, { status: 204 });
    if (body.password !== PASSWORD) {
      return json({ code: 'wrong_credentials', title: 'Unauthorized', detail: 'no', help: '' }, 401);
    }
    const tokens = { access_token: 'a', token_type: 'Bearer', expires_in: 900, scopes: ['jobs:read'] };
    return json({ ...tokens, refresh_token: 'r', refresh_expires_in: 1000 }, 200);
  });
}

function show(path: string) {
  const routes = [
    { path: '/sign-in', element: <SignInPage /> },
    { element: <RequireSession />, children: [{ path: '/new', element: <textarea aria-label="work" /> }] },
  ];
  const router = createMemoryRouter(routes, { initialEntries: [path] });
  render(
    <QueryClientProvider client={makeQueryClient()}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  return router;
}

async function fillIn(password: string, user?: string) {
  if (user) await userEvent.type(screen.getByLabelText('Name'), user);
  await userEvent.type(screen.getByLabelText('Password'), password);
  await userEvent.click(screen.getByRole('button', { name: 'Sign in', hidden: true }));
}

test('who is not signed in signs in and comes to the page that was asked for', async () => {
  serve();
  const router = show('/new?from=link');
  await waitFor(() => expect(screen.getByRole('heading', { name: 'Sign in' })).toBeVisible());
  await fillIn('wrong', 'ann');
  expect(await screen.findByRole('alert')).toHaveTextContent('Name or password is wrong');
  await userEvent.clear(screen.getByLabelText('Password'));
  await fillIn(PASSWORD);
  expect(await screen.findByLabelText('work')).toBeVisible();
  expect(router.state.location.search).toBe('?from=link');
  await act(() => signOut());
});

test('whose session ends signs in over the page and loses nothing', async () => {
  serve();
  await signIn('ann', PASSWORD);
  show('/new');
  await userEvent.type(await screen.findByLabelText('work'), 'half done');
  await act(() => accessToken('a').catch(() => undefined));
  expect(screen.getByRole('heading', { name: 'Your session has ended' })).toBeVisible();
  expect(screen.getByLabelText('Name')).toHaveValue('ann');
  await fillIn(PASSWORD);
  await waitFor(() => expect(screen.queryByText('Your session has ended')).toBeNull());
  expect(screen.getByLabelText('work')).toHaveValue('half done');
  await act(() => signOut());
});
