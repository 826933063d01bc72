/** The list of jobs in each of its states. */

import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { expectAccessible } from '../test/axe';
import { aJob, aStage } from '../test/jobs';
import { json, problem, serve, show } from '../test/service';
import { JobsPage } from './JobsPage';

const LIST = 'GET /api/v1/jobs';
const ROUTES = [
  { path: '/jobs', element: <JobsPage /> },
  { path: '/jobs/:id', element: <p>the job</p> },
];

function summaries(number: number, first = 0) {
  return Array.from({ length: number }, (_, index) => aJob({ id: `job_${first + index}`, state: 'succeeded' }));
}

test('empty: what would be here, and how to get it', async () => {
  serve({ [LIST]: () => json({ jobs: [] }) });
  const { container } = await show(ROUTES, '/jobs');
  expect(await screen.findByText('No reconstruction yet')).toBeVisible();
  expect(screen.getByRole('link', { name: 'New reconstruction' })).toHaveAttribute('href', '/new');
  await expectAccessible(container);
});

test('loading, and slow: says so after a while', async () => {
  serve({ [LIST]: () => new Promise(() => undefined) });
  await show(ROUTES, '/jobs');
  expect(screen.getByText('Loading the reconstructions…')).toBeInTheDocument();
  expect(await screen.findByText(/takes longer than usual/, {}, { timeout: 7000 })).toBeVisible();
}, 10_000);

test('a server that does not answer can be asked again', async () => {
  const answers: Record<string, () => Response> = {};
  serve(answers);
  const { container } = await show(ROUTES, '/jobs');
  const notice = await screen.findByRole('alert');
  expect(notice).toHaveTextContent('The list could not be loaded');
  expect(notice).toHaveTextContent('no_answer');
  await expectAccessible(container);
  answers[LIST] = () => json({ jobs: summaries(1) });
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByRole('link', { name: 'aliked+nearest' })).toBeVisible();
  expect(screen.queryByRole('alert')).toBeNull();
});

test('offline: the list waits for the connection, and says so', async () => {
  vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false);
  const asked = serve({ [LIST]: () => json({ jobs: [] }) });
  await show(ROUTES, '/jobs');
  expect(await screen.findByText('It comes when the connection is back.')).toBeVisible();
  expect(asked).not.toContain(`${LIST}?limit=100`);
});

test('forbidden: a token without the right to read says what it lacks', async () => {
  serve({ [LIST]: () => problem(403, 'missing_scope', 'the token lacks the scope jobs:read', 'log in with it') });
  await show(ROUTES, '/jobs');
  expect(await screen.findByRole('alert')).toHaveTextContent(
    /lacks the scope jobs:read.*log in with it.*missing_scope/,
  );
});

test('states, filters and search are in the address', async () => {
  const jobs = [aJob({ id: 'job_1', state: 'failed', stage: 'map' }), aJob({ id: 'job_2', config: 'mast3r' })];
  const asked = serve({ [LIST]: () => json({ jobs }) });
  const { router } = await show(ROUTES, '/jobs?q=mast3r&state=queued');
  expect(await screen.findByRole('link', { name: 'mast3r' })).toBeVisible();
  expect(screen.queryByRole('link', { name: 'aliked+nearest' })).toBeNull();
  expect(asked).toContain('GET /api/v1/jobs?limit=100&state=queued');
  await userEvent.selectOptions(screen.getByLabelText('State'), 'failed');
  await waitFor(() => expect(asked).toContain('GET /api/v1/jobs?limit=100&state=failed'));
  await userEvent.clear(screen.getByRole('searchbox'));
  expect(await screen.findByText('in “Place cameras”')).toBeVisible();
  await waitFor(() => expect(router.state.location.search).toBe('?state=failed'));
  await userEvent.type(screen.getByRole('searchbox'), 'nothing like it');
  expect(await screen.findByText('Nothing found')).toBeVisible();
});

test('huge: a page at a time, and a search looks through the next pages by itself', async () => {
  const asked = serve({
    [LIST]: (request) => {
      const before = new URL(request.url).searchParams.get('before');
      return before
        ? json({ jobs: [...summaries(99, 100), aJob({ id: 'job_old', config: 'superpoint', state: 'succeeded' })] })
        : json({ jobs: summaries(100), next: 'job_99' });
    },
  });
  await show(ROUTES, '/jobs');
  expect(await screen.findByText('100 reconstructions or more')).toBeVisible();
  expect(screen.getByRole('button', { name: 'Show older ones' })).toBeVisible();
  expect(asked).not.toContain('GET /api/v1/jobs?limit=100&before=job_99');
  await userEvent.type(screen.getByRole('searchbox'), 'superpoint');
  expect(await screen.findByRole('link', { name: 'superpoint' })).toBeVisible();
  expect(asked.filter((one) => one.includes('before=job_99'))).toHaveLength(1);
});

test('one that runs shows its stage, its time to go and a bar, and can be cancelled', async () => {
  const running = aJob({
    state: 'running',
    stage: 'extract',
    stages: [aStage('extract', { state: 'running', done: 6, total: 12, eta_secs: 42 })],
  });
  const asked = serve({
    [LIST]: () => json({ jobs: [running] }),
    'GET /api/v1/jobs/job_1': () => json(running),
    'POST /api/v1/jobs/job_1/cancel': () => json({ ...running, cancel_requested: true }, 202),
  });
  const { container } = await show(ROUTES, '/jobs');
  expect(await screen.findByText(/42 s to go/)).toBeVisible();
  expect(screen.getByRole('progressbar')).toHaveAttribute('aria-valuenow', '50');
  await expectAccessible(container);
  await userEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  await waitFor(() => expect(asked).toContain('POST /api/v1/jobs/job_1/cancel'));
});

test('one is deleted after a question only', async () => {
  let jobs = summaries(1);
  const asked = serve({
    [LIST]: () => json({ jobs }),
    'GET /api/v1/configs': () => json({ configs: [] }),
    'DELETE /api/v1/jobs/job_0': () => {
      jobs = [];
      return new Response(null, { status: 204 });
    },
  });
  const { container } = await show(ROUTES, '/jobs');
  await userEvent.click(await screen.findByRole('button', { name: 'Delete' }));
  await expectAccessible(container);
  expect(asked.some((one) => one.startsWith('DELETE'))).toBe(false);
  await userEvent.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Delete' }));
  expect(await screen.findByText('No reconstruction yet')).toBeVisible();
});

test('another try begins with another pipeline, once', async () => {
  const bodies: unknown[] = [];
  const asked = serve({
    [LIST]: () => json({ jobs: summaries(1) }),
    'GET /api/v1/jobs/job_0': () => json(summaries(1)[0]),
    'GET /api/v1/configs': () => json({ configs: [{ name: 'mast3r', stages: [], toml: '[mapper]' }] }),
    'POST /api/v1/jobs/job_0/retry': async (request) => {
      bodies.push([await request.json(), request.headers.get('idempotency-key')?.length]);
      return json(aJob({ id: 'job_9' }), 202);
    },
  });
  const { router } = await show(ROUTES, '/jobs');
  await userEvent.click(await screen.findByRole('button', { name: 'Try again' }));
  await userEvent.click(await screen.findByLabelText('mast3r'));
  await userEvent.click(screen.getByRole('button', { name: 'Start' }));
  await waitFor(() => expect(router.state.location.pathname).toBe('/jobs/job_9'));
  expect(bodies).toEqual([[{ config: 'mast3r' }, 32]]);
  expect(asked.filter((one) => one.startsWith('POST /api/v1/jobs'))).toHaveLength(1);
});
