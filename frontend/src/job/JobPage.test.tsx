/** A job in each of its states, on its own page. */

import { act, cleanup, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import type { JobView } from '../api/generated';
import { expectAccessible } from '../test/axe';
import { aJob, aStage } from '../test/jobs';
import { anImage, aReport } from '../test/report';
import { eventStream, json, problem, serve, show } from '../test/service';
import { FilesTab } from './FilesTab';
import { JobPage } from './JobPage';
import { OverviewTab } from './OverviewTab';
import { PhotosTab } from './PhotosTab';
import { StatisticsTab } from './StatisticsTab';

// the viewer is tested by itself; jsdom draws nothing
vi.mock('./ScenePanel', () => ({ ScenePanel: () => <p>the scene</p> }));

const ROUTES = [
  {
    path: '/jobs/:id',
    element: <JobPage />,
    children: [
      { index: true, element: <OverviewTab /> },
      { path: 'photos', element: <PhotosTab /> },
      { path: 'statistics', element: <StatisticsTab /> },
      { path: 'files', element: <FilesTab /> },
    ],
  },
];

const JOB = '/api/v1/jobs/job_1';
const at = '2026-11-26T02:34:35.313Z';

function answers(job: JobView, more: Parameters<typeof serve>[0] = {}) {
  return serve({
    [`GET ${JOB}`]: () => json(job),
    [`GET ${JOB}/logs`]: () => new Response(`${at} state: {"state":"${job.state}","attempt":1,"failure":null}\n`),
    [`GET ${JOB}/artifacts/report.json`]: () => problem(404, 'not_found', 'there is no such artifact'),
    ...more,
  });
}

const withReport = (report = aReport()) => ({ [`GET ${JOB}/artifacts/report.json`]: () => json(report) });

test('queued: how many are before it, and it can be cancelled', async () => {
  answers(aJob({ queue_position: 3 }));
  const { container } = await show(ROUTES, '/jobs/job_1');
  expect(await screen.findByText(/3 jobs before it/)).toBeVisible();
  expect(screen.getByRole('button', { name: 'Cancel' })).toBeEnabled();
  await expectAccessible(container);
});

test('running: its events move its stages and its log', async () => {
  const running = aJob({
    state: 'running',
    last_event: 3,
    stages: [aStage('extract', { state: 'running', done: 0, total: 12 })],
  });
  const events: [number, string, object][] = [
    [4, 'progress', { at, stage: 'extract', done: 9, total: 12, rate_per_sec: 2.24, eta_secs: 75 }],
    [5, 'log', { at, level: 'WARN', target: 'scene3d', message: 'a.jpg is dark' }],
  ];
  const asked = answers(running, { [`GET ${JOB}/events`]: () => eventStream(events, true) });
  const { container } = await show(ROUTES, '/jobs/job_1');
  expect(await screen.findByText('9 of 12 images · 2.24 a second · 1 min 15 s to go')).toBeVisible();
  expect(await within(screen.getByRole('log')).findByText('a.jpg is dark')).toBeVisible();
  expect(screen.getByText('live')).toBeVisible();
  expect(screen.getByRole('progressbar')).toHaveAttribute('aria-valuenow', '75');
  expect(asked.filter((one) => one === `GET ${JOB}`)).toHaveLength(1);
  await expectAccessible(container);
});

test('running without events: it is asked for again', async () => {
  let done = 3;
  const running = () =>
    aJob({ state: 'running', stages: [aStage('match', { state: 'running', done: done++, total: 66 })] });
  answers(aJob(), {
    [`GET ${JOB}`]: () => json(running()),
    [`GET ${JOB}/events`]: () => problem(404, 'no_such_route', 'a proxy knows no events'),
  });
  await show(ROUTES, '/jobs/job_1');
  expect(await screen.findByText(/^[5-9] of 66 pairs/, {}, { timeout: 9000 })).toBeVisible();
  expect(screen.getByText('every 3 s')).toBeVisible();
}, 12_000);

test('while cameras are placed, thousandths are no photos', async () => {
  const mapping = aStage('map', { state: 'running', done: 400, total: 1000, rate_per_sec: 55 });
  answers(aJob({ state: 'running', stages: [mapping] }));
  await show(ROUTES, '/jobs/job_1');
  expect(await screen.findByText('40 %')).toBeVisible();
});

test('succeeded: its figures, its scene, its time', async () => {
  const job = aJob({ state: 'succeeded', started_at: at, ended_at: '2026-11-26T02:34:50.313Z' });
  answers(job, withReport());
  const { container } = await show(ROUTES, '/jobs/job_1');
  expect(await screen.findByText('2 of 3 photos')).toBeVisible();
  for (const text of ['3,692', '0.433', 'the scene']) expect(screen.getByText(text)).toBeVisible();
  expect(screen.getByRole('link', { name: 'Compare' })).toHaveAttribute('href', '/compare?a=job_1');
  await expectAccessible(container);
});

test('failed: what, where, by whom, what to try, and the way there', async () => {
  const failure = {
    code: 'panicked',
    stage: 'extract',
    plugin: 'hostile',
    message: 'the plugin panicked',
    help: 'report it to its author',
    transient: false,
  };
  answers(aJob({ state: 'failed', failure, stages: [aStage('extract', { state: 'failed' })] }));
  const { container } = await show(ROUTES, '/jobs/job_1');
  const notice = await screen.findByRole('alert');
  expect(notice).toHaveTextContent(/It failed in “Find keypoints”, by the plugin hostile/);
  expect(notice).toHaveTextContent(/the plugin panicked.*report it to its author.*panicked/);
  await expectAccessible(container);
  await userEvent.click(within(notice).getByRole('button', { name: /Try again/ }));
  expect(screen.getByRole('dialog')).toHaveTextContent('aliked+nearest, as it was');
});

test('no model: the way to why each photo found no place', async () => {
  const failure = { code: 'no_model', stage: 'export', message: 'none fits', help: 'see', transient: false };
  const lost = anImage(1, { registered: false, verdict: 'no_overlap' });
  const report = aReport({ statistics: null, images: [lost] });
  answers(aJob({ state: 'failed', failure }), withReport(report));
  await show(ROUTES, '/jobs/job_1');
  const link = await screen.findByRole('link', { name: 'Why 1 photo found no place' });
  await userEvent.click(link);
  expect(await screen.findByText('no overlap')).toBeVisible();
});

test('cancelled: what is kept, and the way on', async () => {
  answers(aJob({ state: 'cancelled' }));
  const { router, container } = await show(ROUTES, '/jobs/job_1');
  expect(await screen.findByText('It was cancelled')).toBeVisible();
  expect(screen.getByText(/goes on from there/)).toBeVisible();
  await expectAccessible(container);
  await act(() => router.navigate('/jobs/job_1/statistics'));
  expect(await screen.findByText('There is no report')).toBeVisible();
});

test('not there, or somebody else’s: neither is told from the other', async () => {
  answers(aJob(), { [`GET ${JOB}`]: () => problem(404, 'not_found', 'there is no such job') });
  const { container } = await show(ROUTES, '/jobs/job_1');
  expect(await screen.findByText('No such reconstruction')).toBeVisible();
  expect(screen.getByText(/not among those of ann/)).toBeVisible();
  await expectAccessible(container);
});

test('expired: a session that ends meanwhile leaves the page as it is', async () => {
  answers(aJob({ state: 'succeeded' }), {
    ...withReport(),
    [`GET ${JOB}/logs`]: () => problem(401, 'invalid_token', 'the token is over'),
    'POST /api/v1/auth/refresh': () => problem(401, 'wrong_credentials', 'it was used before'),
  });
  await show(ROUTES, '/jobs/job_1');
  expect(await screen.findByText(/session_ended/)).toBeVisible();
  expect(screen.getByRole('heading', { level: 1 })).toHaveTextContent('12 photos by aliked+nearest');
});

test('photos are found, sorted, and each says why it has no place', async () => {
  answers(aJob({ state: 'succeeded' }), withReport());
  const { container } = await show(ROUTES, '/jobs/job_1/photos');
  expect(await screen.findByText(/only 0 fit one geometry. check that it shows the same scene/)).toBeVisible();
  await expectAccessible(container);
  const first = () => screen.getAllByRole('row')[1];
  await userEvent.click(screen.getByRole('button', { name: 'Error, px' }));
  expect(first()).toHaveTextContent('image_2.jpg');
  await userEvent.selectOptions(screen.getByLabelText('Verdict'), 'unregistered');
  expect(screen.getByText('1 of 3 photos')).toBeVisible();
  expect(first()).toHaveTextContent('image_3.jpg');
});

test('huge: of ten thousand photos only those in view are drawn', async () => {
  const images = Array.from({ length: 10_000 }, (_, index) => anImage(index + 1));
  answers(aJob({ state: 'succeeded' }), withReport(aReport({ images })));
  await show(ROUTES, '/jobs/job_1/photos');
  expect(await screen.findByText('10,000 of 10,000 photos')).toBeVisible();
  expect(screen.getByRole('table')).toHaveAttribute('aria-rowcount', '10001');
  expect(screen.getAllByRole('row').length).toBeLessThan(60);
});

test('statistics: histograms, matches and how it was made, all as tables too', async () => {
  const feature = { feature: 'brightness', num_values: 30, ks: 0.5, p: 1e-5, p_adjusted: 1e-4, psi: 1 } as const;
  const histogram = { edges: [0, 50, 100], baseline: [0.4, 0.6], images: [0.7, 0.3] };
  const moved = { ...feature, wasserstein: 1.01, drifted: true, baseline_mean: 107, mean: 72, histogram };
  const thresholds = { max_p_adjusted: 0.05, min_wasserstein: 0.2 };
  const drift = { status: 'drift', num_images: 30, thresholds, features: [moved] } as const;
  answers(aJob({ state: 'succeeded', drift: { ...drift, features: [moved] } }), withReport());
  const { container } = await show(ROUTES, '/jobs/job_1/statistics');
  expect(await screen.findByRole('img', { name: /Reprojection errors/ })).toBeVisible();
  expect(screen.getByText('1 of 2 pairs hold: one geometry explains their matches.')).toBeVisible();
  expect(screen.getByText(/adjusted p is below 0.05 and its distance is at least 0.2/)).toBeVisible();
  await userEvent.click(screen.getByLabelText('Table'));
  expect(screen.getByRole('row', { name: /image_1.jpg image_2.jpg 1,321 1,183 calibrated/ })).toBeVisible();
  await userEvent.click(screen.getByLabelText('Matrix'));
  expect(screen.getByRole('img', { name: 'Match matrix of 3 photos' })).toBeVisible();
  await expectAccessible(container);
});

test('files are downloaded by links that hold for a time', async () => {
  const file = { name: 'points.ply', bytes: 85_208, sha256: 'ab', media_type: 'application/octet-stream', href: 'x' };
  const wanted: unknown[] = [];
  answers(aJob({ state: 'succeeded' }), {
    ...withReport(),
    [`GET ${JOB}/artifacts`]: () => json({ artifacts: [file] }),
    [`POST ${JOB}/links`]: async (request) => {
      wanted.push(await request.json());
      return json({ href: '/api/v1/downloads?signature=s', expires_at: at }, 201);
    },
  });
  const { container } = await show(ROUTES, '/jobs/job_1/files');
  expect(await screen.findByText('coloured points')).toBeVisible();
  await expectAccessible(container);
  await userEvent.click(screen.getByRole('button', { name: 'Link to points.ply' }));
  await userEvent.selectOptions(screen.getByLabelText('It holds for'), 'a week');
  await userEvent.click(screen.getByRole('button', { name: 'Make the link' }));
  await waitFor(() =>
    expect(screen.getByLabelText('Link')).toHaveValue(`${location.origin}/api/v1/downloads?signature=s`),
  );
  expect(wanted).toEqual([{ name: 'points.ply', expires_secs: 604_800 }]);
});

test('empty: files that are not there yet, and none at all', async () => {
  answers(aJob({ state: 'running' }));
  await show(ROUTES, '/jobs/job_1/files');
  expect(await screen.findByText('Not yet')).toBeVisible();
  cleanup();
  answers(aJob({ state: 'cancelled' }), { [`GET ${JOB}/artifacts`]: () => json({ artifacts: [] }) });
  await show(ROUTES, '/jobs/job_1/files');
  expect(await screen.findByText('It wrote no files')).toBeVisible();
});

test('being cancelled: says so, and is not cancelled twice', async () => {
  answers(aJob({ state: 'running', cancel_requested: true }));
  await show(ROUTES, '/jobs/job_1');
  expect(await screen.findByText('being cancelled')).toBeVisible();
  expect(screen.getByRole('button', { name: 'Being cancelled…' })).toBeDisabled();
});

test('huge: of a long log the end is shown', async () => {
  const lines = Array.from({ length: 3000 }, (_, index) => `${at} WARN scene3d: line ${index}`).join('\n');
  answers(aJob({ state: 'succeeded' }), { ...withReport(), [`GET ${JOB}/logs`]: () => new Response(lines) });
  await show(ROUTES, '/jobs/job_1');
  expect(await screen.findByText('line 2999')).toBeVisible();
  expect(screen.getByText(/The last 500 lines/)).toBeVisible();
  expect(screen.queryByText('line 2499')).toBeNull();
});
