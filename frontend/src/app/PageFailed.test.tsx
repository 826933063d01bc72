/** A page that could not be fetched, or that fails, leaves the rest as it is. */

import { screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { expectAccessible } from '../test/axe';
import { serve, show } from '../test/service';
import { PageFailed } from './PageFailed';

function open(message: string) {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  serve({});
  const lazy = () => Promise.reject(new TypeError(message));
  return show([{ path: '/', lazy, errorElement: <PageFailed />, hydrateFallbackElement: <p>…</p> }], '/');
}

const NOT_FETCHED = 'Failed to fetch dynamically imported module: /assets/PluginsPage.js';

test('offline: a page that was not opened before waits for the connection', async () => {
  vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false);
  const { container } = await open(NOT_FETCHED);
  expect(await screen.findByText(/It comes when the connection is back/)).toBeVisible();
  await expectAccessible(container);
});

test('a server that has other pages by now is told as the reason', async () => {
  await open(NOT_FETCHED);
  expect(await screen.findByRole('alert')).toHaveTextContent('It could not be fetched from the server');
  expect(screen.getByRole('button', { name: 'Load it anew' })).toBeEnabled();
});

test('a mistake of the page itself is told as it is', async () => {
  await open('x is not a function');
  expect(await screen.findByRole('alert')).toHaveTextContent('x is not a function');
});
