/** The page as a whole against a service that is told what to answer: check as it is typed, upload, start, drift. */

import { QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { beforeEach, expect, test, vi } from 'vitest';
import { setUpClient } from '../api/client';
import type { DriftVerdict, JobView, UploadLimits } from '../api/generated';
import { makeQueryClient } from '../api/queries';
import { signIn } from '../state/session';
import { clearDraft } from './draft';
import { NewPage } from './NewPage';

const TOML = '[[features]]\nextractor = { plugin = "aliked" }\n[mapper]\nplugin = "colmap"\n';

const LIMITS: UploadLimits = {
  max_bytes: 20e9,
  max_files: 1000,
  max_image_bytes: 256e6,
  max_megapixels: 256,
  max_user_bytes: 100e9,
  max_user_images: 100_000,
  expire_secs: 86_400,
  image_endings: ['jpg'],
};

const DRIFT: DriftVerdict = {
  status: 'drift',
  num_images: 30,
  thresholds: { max_p_adjusted: 0.05, min_wasserstein: 0.2 },
  features: [
    {
      feature: 'brightness',
      num_values: 30,
      ks: 0.4,
      p: 1e-5,
      p_adjusted: 1e-4,
      psi: 1,
      wasserstein: 1.01,
      drifted: true,
      baseline_mean: 107.3,
      mean: 72.4,
      histogram: { edges: [0, 100, 200], baseline: [0.5, 0.5], images: [0.9, 0.1] },
    },
  ],
};

const JOB: JobView = {
  id: 'job_1',
  state: 'queued',
  config: 'fast',
  created_at: '2026-11-26T00:00:00Z',
  num_images: 2,
  links: { self: '', events: '', logs: '', artifacts: '' },
  attempts: 0,
  cancel_requested: false,
  last_event: 0,
  stages: [],
  config_toml: TOML,
  num_bytes: 2,
};

interface Asked {
  method: string;
  path: string;
  body: Record<string, unknown>;
}

let asked: Asked[];
let drift: DriftVerdict | null;
let configs: object[];

function answer({ method, path, body }: Asked): [number, object] {
  if (path === '/api/v1/auth/token') {
    const tokens = { access_token: 'a', token_type: 'Bearer', expires_in: 900, scopes: ['jobs:write'] };
    return [200, { ...tokens, refresh_token: 'r', refresh_expires_in: 1000 }];
  }
  if (path === '/api/v1/limits') return [200, LIMITS];
  if (path === '/api/v1/configs') return [200, { configs }];
  if (path === '/api/v1/configs/check') {
    const text = String(body['toml'] ?? '');
    if (!text.includes('foo')) return [200, { ok: true, config: {}, toml: TOML, stages: [] }];
    const errors = ['config:2:9: `features.0.extractor.max_keypoints`: expected an integer, got "foo"'];
    return [422, { status: 422, code: 'invalid_config', title: 'no', detail: 'one mistake', help: '', errors }];
  }
  if (path.startsWith('/api/v1/plugins/')) {
    const config_schema = { properties: { max_keypoints: { type: 'integer', minimum: 1, default: 2048 } } };
    return [200, { id: path.split('/').at(-1), kind: 'extractor', state: 'ready', descriptor: { config_schema } }];
  }
  if (path.startsWith('/api/v1/images/full'))
    return [507, { code: 'disk_full', title: 'no', detail: 'no room is left' }];
  // every photo is there already
  if (path.startsWith('/api/v1/images/')) {
    return [200, { sha256: path.split('/').at(-1), bytes: 1, width: 1, height: 1, created_at: '', statistics: {} }];
  }
  if (path === '/api/v1/jobs' && method === 'POST') return [202, { ...JOB, drift }];
  return [404, { code: 'not_found', title: 'no', detail: path }];
}

/** Sees of a photo what its bytes are, in place of a worker. */
class FakeWorker {
  private listener: (event: { data: unknown }) => void = () => undefined;
  addEventListener(name: string, listener: (event: { data: unknown }) => void) {
    if (name === 'message') this.listener = listener;
  }
  async postMessage({ id, file }: { id: string; file: File }) {
    const sha256 = (await file.text()).padEnd(64, '0');
    act(() => this.listener({ data: { id, facts: { sha256 }, thumbnail: undefined } }));
  }
  terminate() {}
}

beforeEach(async () => {
  asked = [];
  drift = null;
  configs = [{ name: 'fast', toml: TOML, stages: [] }];
  vi.stubGlobal('Worker', FakeWorker);
  vi.stubGlobal('fetch', async (input: string | Request, init?: RequestInit) => {
    const request = input instanceof Request ? input : new Request(new URL(input, location.href), init);
    const text = await request.text();
    const ask = { method: request.method, path: new URL(request.url).pathname, body: text ? JSON.parse(text) : {} };
    asked.push(ask);
    const [status, body] = answer(ask);
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    return new Response(JSON.stringify(body), { status, headers: { 'content-type': type } });
  });
  setUpClient();
  clearDraft();
  await signIn('ann', 'secret');
});

function show() {
  const routes = [
    { path: '/new', element: <NewPage /> },
    { path: '/jobs/:id', element: <p>the job</p> },
  ];
  const router = createMemoryRouter(routes, { initialEntries: ['/new'] });
  render(
    <QueryClientProvider client={makeQueryClient()}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
}

async function choose(...contents: string[]) {
  const files = contents.map((content, index) => new File([content], `${index}.jpg`));
  await userEvent.upload(screen.getByLabelText('Photos or a ZIP'), files);
}

async function startWhenPossible() {
  const button = await screen.findByRole('button', { name: 'Upload and start' });
  await waitFor(() => expect(button).toBeEnabled(), { timeout: 3000 });
  await userEvent.click(button);
}

test('what may be uploaded stands there before anything is', async () => {
  show();
  expect(await screen.findByText(/photos up to 256\sMB and 256 megapixels, ZIPs up to 20.0\sGB/)).toBeVisible();
  await choose('one');
  expect(screen.getByText('A reconstruction needs at least two photos.')).toBeVisible();
  expect(screen.getByRole('button', { name: 'Upload and start' })).toBeDisabled();
});

test('a mistake that the server finds stands at its field, and keeps the job from being started', async () => {
  show();
  await choose('one', 'two');
  await userEvent.click(await screen.findByText('aliked', { selector: 'summary *' }));
  const field = (await screen.findAllByLabelText('max_keypoints'))[0] as HTMLElement;
  await userEvent.type(field, 'foo');
  expect(await screen.findByText('1 mistake', { selector: '[role=status] *' })).toBeVisible();
  expect(field).toHaveAccessibleDescription(/expected an integer/);
  expect(screen.getByRole('button', { name: 'Upload and start' })).toBeDisabled();
});

test('photos become a job of the config that was chosen, duplicates left out', async () => {
  show();
  await choose('one', 'two', 'one');
  expect(await screen.findByText('duplicate')).toBeVisible();
  await startWhenPossible();
  expect(await screen.findByText('the job')).toBeVisible();
  const made = asked.find(({ method, path }) => method === 'POST' && path === '/api/v1/jobs');
  expect(made?.body).toEqual({ config: 'fast', image_ids: ['one'.padEnd(64, '0'), 'two'.padEnd(64, '0')] });
});

test('drift is shown before the job, with what moved and by how much', async () => {
  drift = DRIFT;
  show();
  await choose('one', 'two');
  await startWhenPossible();
  const panel = (await screen.findByRole('heading', { name: 'What moved' })).closest('section') as HTMLElement;
  expect(within(panel).getByRole('heading', { name: 'Brightness is lower' })).toBeVisible();
  expect(within(panel).getByRole('img', { name: /mean 72.4, usually 107/ })).toBeVisible();
  expect(screen.getByRole('link', { name: 'Watch it' })).toHaveAttribute('href', '/jobs/job_1');
});

test('empty: a server without pipelines says whose matter that is', async () => {
  configs = [];
  show();
  expect(await screen.findByText('The server has no pipelines')).toBeVisible();
  expect(screen.getByText('Choose photos first.')).toBeVisible();
  await choose('one', 'two');
  expect(await screen.findByText('Choose a pipeline.')).toBeVisible();
});

test('failed: what could not be uploaded says why, and the others can be started without it', async () => {
  show();
  await choose('one', 'two', 'full');
  await startWhenPossible();
  const notice = await screen.findByRole('alert');
  expect(notice).toHaveTextContent('1 file could not be uploaded');
  expect(notice).toHaveTextContent('2.jpg: no room is left');
  await userEvent.click(screen.getByRole('button', { name: 'Start without it' }));
  expect(await screen.findByText('the job')).toBeVisible();
});

test('huge: of many photos the first are shown, and more when asked for', async () => {
  show();
  await choose(...Array.from({ length: 200 }, (_, index) => `photo ${index}`));
  const tiles = () => within(screen.getByRole('list', { name: 'Chosen photos' })).getAllByRole('listitem');
  expect(tiles()).toHaveLength(60);
  await userEvent.click(screen.getByRole('button', { name: 'Show more (140 photos below)' }));
  expect(tiles()).toHaveLength(200);
});

test('what was chosen last is chosen again', async () => {
  configs = ['fast', 'best'].map((name) => ({ name, toml: TOML, stages: [] }));
  show();
  await userEvent.click(await screen.findByRole('radio', { name: 'best' }));
  cleanup();
  show();
  expect(await screen.findByRole('radio', { name: 'best' })).toBeChecked();
});
