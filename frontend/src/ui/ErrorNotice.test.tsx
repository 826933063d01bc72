/** Problems of the server and of our own, as they are shown. */

import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { problemOf } from '../api/problem';
import { ErrorNotice } from './ErrorNotice';

test('a problem shows what failed, every mistake, what to try, and its code', async () => {
  const answer = new Response(null, { status: 422, headers: { 'x-request-id': 'abc123' } });
  const body = {
    title: 'Unprocessable',
    code: 'invalid_config',
    detail: 'the config has 2 mistakes',
    help: 'mend them',
    errors: ['first', 'second'],
  };
  const onRetry = vi.fn();
  render(<ErrorNotice error={problemOf(answer, JSON.stringify(body))} title="It was not started" onRetry={onRetry} />);
  const notice = screen.getByRole('alert');
  for (const text of ['It was not started', 'the config has 2 mistakes', 'first', 'second', 'mend them']) {
    expect(notice).toHaveTextContent(text);
  }
  expect(notice).toHaveTextContent('invalid_config · 422 · abc123');
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(onRetry).toHaveBeenCalledOnce();
});

test('an answer of a proxy is a problem too', () => {
  render(<ErrorNotice error={problemOf(new Response(null, { status: 502 }), '<html>Bad Gateway</html>')} />);
  expect(screen.getByRole('alert')).toHaveTextContent('http_502 · 502');
});

test('an answer that is not what the API promises says what differs', () => {
  const { error } = z.object({ id: z.string() }).safeParse({ id: 3 });
  render(<ErrorNotice error={error} />);
  expect(screen.getByRole('alert')).toHaveTextContent(/different versions.*id: .*expected string/);
});
