/** Each page while what it shows is on its way, slow, without a connection, refused, failed, or after its session ended. */

import { act, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { RouteObject } from 'react-router';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { expectAccessible } from '../test/axe';
import { aJob } from '../test/jobs';
import { aReport } from '../test/report';
import { json, problem, serve, show } from '../test/service';
import { routes } from './routes';

// jsdom draws nothing; what opens a scene is real
vi.mock('../scene/OpenViewer', () => ({ OpenViewer: () => <p>the scene</p> }));
vi.mock('../compare/CompareScenes', () => ({ CompareScenes: () => <p>the scenes</p> }));
vi.mock('../scene/stage/graphics', () => ({
  graphics: () => ({ canDraw: true, isSoftware: true }),
  pointLimits: () => ({ max: 1000, first: 1000 }),
}));
vi.mock('../scene/tiles/TilesFile', () => ({
  TilesFile: {
    // its bytes are no part of this: that they are asked for is
    open: async (source: { read: (start: number, end: number) => Promise<ArrayBuffer> }) => {
      await source.read(0, 1);
      return { index: { images: [] }, source };
    },
  },
}));
vi.mock('../scene/cloud/TiledCloud', () => ({
  TiledCloud: class {
    close() {}
  },
}));
vi.mock('../scene/tiles/unpacker', () => ({ startUnpacker: () => ({ unpack: undefined, close: () => undefined }) }));

type Answers = Parameters<typeof serve>[0];

interface Tested {
  path: string;
  /** What the page waits for. */
  asks: string;
  /** How that is answered when all is well. */
  answer: () => Response;
  /** The rest of what it asks for. */
  others?: Answers;
  /** Shown when it is there. */
  shows: RegExp;
  scopes?: string[];
}

const JOB = '/api/v1/jobs/job_1';
const ended = (id = 'job_1') => aJob({ id, state: 'succeeded' });
const ofJob: Answers = {
  [`GET ${JOB}`]: () => json(ended()),
  [`GET ${JOB}/logs`]: () => new Response(''),
  [`GET ${JOB}/artifacts/report.json`]: () => json(aReport()),
};
const file = { name: 'points.ply', bytes: 1, sha256: 'ab', media_type: 'application/octet-stream', href: 'x' };
const aliked = { id: 'aliked', kind: 'extractor', state: 'ready', version: '0.1.0', license: 'Apache-2.0' };
const ready = () => json({ ready: true, parts: [{ name: 'database', ready: true }] });

const PAGES: Record<string, Tested> = {
  jobs: {
    path: '/jobs',
    asks: 'GET /api/v1/jobs',
    answer: () => json({ jobs: [ended()] }),
    shows: /^aliked\+nearest$/,
  },
  job: { path: '/jobs/job_1', asks: `GET ${JOB}`, answer: () => json(ended()), others: ofJob, shows: /^12 photos by / },
  photos: {
    path: '/jobs/job_1/photos',
    asks: `GET ${JOB}/artifacts/report.json`,
    answer: () => json(aReport()),
    others: ofJob,
    shows: /^image_1.jpg$/,
  },
  statistics: {
    path: '/jobs/job_1/statistics',
    asks: `GET ${JOB}/artifacts/report.json`,
    answer: () => json(aReport()),
    others: ofJob,
    shows: /^Match graph$/,
  },
  files: {
    path: '/jobs/job_1/files',
    asks: `GET ${JOB}/artifacts`,
    answer: () => json({ artifacts: [file] }),
    others: ofJob,
    shows: /^points.ply$/,
  },
  scene: {
    path: '/jobs/job_1/scene',
    asks: `GET ${JOB}/artifacts/scene.tiles`,
    answer: () => new Response('x'),
    shows: /^the scene$/,
  },
  compare: {
    path: '/compare?a=job_1&b=job_2',
    asks: 'GET /api/v1/jobs/job_2',
    answer: () => json(ended('job_2')),
    others: {
      ...ofJob,
      'GET /api/v1/jobs': () => json({ jobs: [] }),
      'GET /api/v1/jobs/job_2/artifacts/report.json': () => json(aReport()),
    },
    shows: /^Time of each stage$/,
  },
  new: {
    path: '/new',
    asks: 'GET /api/v1/configs',
    answer: () => json({ configs: [{ name: 'fast', toml: '# The fastest.\n', stages: [] }] }),
    others: { 'POST /api/v1/configs/check': () => json({ ok: true, config: {}, toml: '', stages: [] }) },
    shows: /^The fastest.$/,
  },
  plugins: {
    path: '/plugins',
    asks: 'GET /api/v1/plugins',
    answer: () => json({ plugins: [aliked] }),
    shows: /^aliked$/,
  },
  plugin: {
    path: '/plugins/aliked',
    asks: 'GET /api/v1/plugins/aliked',
    answer: () => json({ ...aliked, descriptor: null }),
    shows: /^All plugins$/,
  },
  status: { path: '/status', asks: 'GET /readyz', answer: ready, shows: /^Database: / },
  'status of admins': {
    path: '/status',
    asks: 'GET /metrics',
    answer: () => new Response('scene3d_worker_up 1\n'),
    others: { 'GET /readyz': ready },
    shows: /^No job ended yet.$/,
    scopes: ['jobs:read', 'admin'],
  },
};

/** The page where what it waits for is answered so; gives what changes the answer. */
async function open({ path, asks, others = {}, scopes }: Tested, answer: () => Response | Promise<Response>) {
  const answers: Answers = { ...others, [asks]: answer };
  serve(answers);
  const shown = await show(routes, path, scopes);
  return { ...shown, answers };
}

// pages are fetched when they are opened, which is no part of what is tested here
beforeAll(async () => {
  await Promise.all(everyRoute(routes).map(({ lazy }) => (typeof lazy === 'function' ? lazy() : undefined)));
}, 120_000);

function everyRoute(some: RouteObject[]): RouteObject[] {
  return some.flatMap((route) => [route, ...everyRoute(route.children ?? [])]);
}

const never = () => new Promise<Response>(() => undefined);

describe.each(Object.entries(PAGES))('%s', (_name, page) => {
  const isThere = () => screen.findByText(page.shows);

  test('loading, then slow', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    const { container } = await open(page, never);
    const slow = () => screen.queryByText(/takes longer than usual/);
    // the first of these may be spent on the way to the page
    for (let i = 0; i < 5 && !slow(); i += 1) await act(() => vi.advanceTimersByTimeAsync(6000));
    expect(slow()).toBeVisible();
    expect(container.querySelector('.animate-pulse')).toBeInTheDocument();
    expect(screen.queryByText(page.shows)).toBeNull();
    vi.useRealTimers();
  });

  test('offline: says so, and comes when the connection is back', async () => {
    const online = vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false);
    window.dispatchEvent(new Event('offline'));
    await open(page, () => {
      if (!navigator.onLine) throw new TypeError('no connection');
      return page.answer();
    });
    expect(await screen.findByText(/^You are offline. What was begun goes on/)).toBeVisible();
    online.mockReturnValue(true);
    act(() => void window.dispatchEvent(new Event('online')));
    expect(await isThere()).toBeVisible();
    expect(screen.queryByText(/^You are offline/)).toBeNull();
  });

  test('forbidden: says which right lacks', async () => {
    const refused = () => problem(403, 'missing_scope', 'the token lacks a scope', 'log in with it');
    const { container } = await open(page, refused);
    expect(await screen.findByRole('alert')).toHaveTextContent(
      /the token lacks a scope.*log in with it.*missing_scope/,
    );
    await expectAccessible(container);
  });

  test('failed: can be asked again', async () => {
    const { answers } = await open(page, () => problem(500, 'internal', 'a bug'));
    expect(await screen.findByRole('alert')).toHaveTextContent('internal');
    answers[page.asks] = page.answer;
    await userEvent.click(within(screen.getByRole('alert')).getByRole('button', { name: 'Try again' }));
    expect(await isThere()).toBeVisible();
  });

  test('expired: asks to sign in over the page, which comes then', async () => {
    const { answers } = await open(page, () => problem(401, 'invalid_token', 'the token is over'));
    answers['POST /api/v1/auth/refresh'] = () => problem(401, 'wrong_credentials', 'it is over too');
    expect(await screen.findByRole('heading', { name: 'Your session has ended' })).toBeVisible();
    answers[page.asks] = page.answer;
    await userEvent.type(screen.getByLabelText('Password'), 'secret');
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
    expect(await isThere()).toBeVisible();
  });
});
