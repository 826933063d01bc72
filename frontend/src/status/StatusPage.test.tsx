/** The server's state, for everybody and for admins. */

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { expectAccessible } from '../test/axe';
import { json, problem, serve, show } from '../test/service';
import { StatusPage } from './StatusPage';
import { ratePerSec } from './useMetrics';

const ROUTES = [{ path: '/status', element: <StatusPage /> }];
const ADMIN = ['jobs:read', 'jobs:write', 'admin'];

const METRICS = `scene3d_jobs{state="running"} 1
scene3d_images_processed_total 24
scene3d_worker_up 1
scene3d_gpu_memory_bytes{gpu="0",kind="used"} 5000000000
scene3d_gpu_memory_bytes{gpu="0",kind="total"} 20000000000
scene3d_gpu_utilization_ratio{gpu="0"} 0.5
scene3d_jobs_finished_total{code="panicked",outcome="failed"} 2
scene3d_stage_duration_seconds_sum{outcome="succeeded",plugin="aliked",stage="extract"} 10.5
scene3d_stage_duration_seconds_count{outcome="succeeded",plugin="aliked",stage="extract"} 2
`;

test('everybody sees whether it can work; what is not ready says why', async () => {
  const parts = [
    { name: 'database', ready: true },
    { name: 'worker', ready: false, reason: 'no process runs jobs; they wait' },
  ];
  const asked = serve({ 'GET /readyz': () => json({ ready: false, parts }, 503) });
  const { container } = await show(ROUTES, '/status');
  expect(
    await screen.findByRole('row', { name: /Worker: runs the jobs not ready no process runs jobs/ }),
  ).toBeVisible();
  expect(screen.getByRole('alert')).toHaveTextContent('can’t do all of its work'.replace('’', "'"));
  expect(screen.getByText(/shown to admins/)).toBeVisible();
  expect(asked).not.toContain('GET /metrics');
  await expectAccessible(container);
});

test('admins see queue, devices, throughput and endings', async () => {
  serve({ 'GET /readyz': () => json({ ready: true, parts: [] }), 'GET /metrics': () => new Response(METRICS) });
  const { container } = await show(ROUTES, '/status', ADMIN);
  expect(await screen.findByText('GPU 0')).toBeVisible();
  expect(screen.getByText('50 % busy')).toBeVisible();
  expect(screen.getByRole('row', { name: 'Find keypoints aliked 2 5.3 s' })).toBeVisible();
  expect(screen.getByText('panicked')).toBeVisible();
  await expectAccessible(container);
});

test('a server that is gone says so', async () => {
  serve({ 'GET /readyz': () => problem(502, 'bad_gateway', 'nobody is behind the proxy') });
  await show(ROUTES, '/status');
  expect(await screen.findByRole('alert')).toHaveTextContent('nobody is behind the proxy');
});

test('rates are of what was counted between two moments, and none over a restart', () => {
  const moment = (at: number, value: number) => ({ at, samples: [{ name: 'n', labels: {}, value }] });
  expect(ratePerSec([moment(0, 10), moment(5000, 20)], 'n')).toBe(2);
  expect(ratePerSec([moment(0, 10), moment(5000, 2)], 'n')).toBeUndefined();
  expect(ratePerSec([moment(0, 10)], 'n')).toBeUndefined();
});
