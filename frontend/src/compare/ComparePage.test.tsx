/** Two jobs side by side, in each state of the comparison. */

import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { expectAccessible } from '../test/axe';
import { aJob } from '../test/jobs';
import { anImage, aReport } from '../test/report';
import { json, problem, serve, show } from '../test/service';
import { ComparePage } from './ComparePage';

vi.mock('./ScenesPanel', () => ({ ScenesPanel: () => <p>the scenes</p> }));

const ROUTES = [{ path: '/compare', element: <ComparePage /> }];
const A = aJob({ id: 'job_a', state: 'succeeded', config_toml: 'matcher = "nearest"' });
const B = aJob({ id: 'job_b', state: 'succeeded', config: 'aliked+lightglue', config_toml: 'matcher = "lightglue"' });

function serveBoth(reportB = aReport()) {
  return serve({
    'GET /api/v1/jobs': () => json({ jobs: [B, A] }),
    'GET /api/v1/jobs/job_a': () => json(A),
    'GET /api/v1/jobs/job_b': () => json(B),
    'GET /api/v1/jobs/job_a/artifacts/report.json': () => json(aReport()),
    'GET /api/v1/jobs/job_b/artifacts/report.json': () => json(reportB),
  });
}

test('nothing chosen: what to choose, and how to get it', async () => {
  serveBoth();
  const { container } = await show(ROUTES, '/compare');
  expect(await screen.findByText('Choose two reconstructions')).toBeVisible();
  await expectAccessible(container);
});

test('one is chosen, then the other; both stand in the address and can be swapped', async () => {
  serveBoth();
  const { router } = await show(ROUTES, '/compare?a=job_a');
  const picker = await screen.findByLabelText('Reconstruction B');
  await within(picker).findByRole('option', { name: /aliked\+lightglue/ });
  await userEvent.selectOptions(picker, 'job_b');
  expect(await screen.findByRole('table', { name: 'Figures' })).toBeVisible();
  expect(router.state.location.search).toBe('?a=job_a&b=job_b');
  await userEvent.click(screen.getByRole('button', { name: 'Swap A and B' }));
  expect(router.state.location.search).toBe('?a=job_b&b=job_a');
});

test('figures, configs and photos that differ are told', async () => {
  const lost = anImage(2, { registered: false, verdict: 'no_overlap' });
  const images = [anImage(1), lost, anImage(3)];
  serveBoth(aReport({ images, run: { ...aReport().run, total_secs: 77.3 } }));
  const { container } = await show(ROUTES, '/compare?a=job_a&b=job_b');
  expect(await screen.findByRole('row', { name: /Time s 15.6 77.3 \+396 % worse/ })).toBeVisible();
  expect(screen.getByText('matcher = "lightglue"')).toBeVisible();
  expect(screen.getByRole('row', { name: /image_2.jpg registered no overlap lost/ })).toBeVisible();
  expect(screen.getByRole('row', { name: /image_3.jpg no geometry registered gained/ })).toBeVisible();
  await userEvent.click(screen.getByLabelText(/only those whose place changed/));
  expect(screen.queryByRole('row', { name: /image_1.jpg/ })).toBeNull();
  await expectAccessible(container);
});

test('other photos are told apart, and a job without a report is told', async () => {
  serveBoth(aReport({ images: [anImage(9)] }));
  await show(ROUTES, '/compare?a=job_a&b=job_b');
  expect(await screen.findByText('They are not of the same photos')).toBeVisible();
});

test('a job that is not there is told by its side', async () => {
  serveBoth();
  const gone = () => problem(404, 'not_found', 'there is no such job');
  serve({ 'GET /api/v1/jobs': () => json({ jobs: [A] }), 'GET /api/v1/jobs/job_x': gone });
  await show(ROUTES, '/compare?b=job_x');
  expect(await screen.findByText('Reconstruction B could not be loaded')).toBeVisible();
});

test('huge: of thousands of photos only those in view are drawn', async () => {
  const images = Array.from({ length: 5000 }, (_, index) => anImage(index + 1));
  serve({
    'GET /api/v1/jobs': () => json({ jobs: [B, A] }),
    'GET /api/v1/jobs/job_a': () => json(A),
    'GET /api/v1/jobs/job_b': () => json(B),
    'GET /api/v1/jobs/job_a/artifacts/report.json': () => json(aReport({ images })),
    'GET /api/v1/jobs/job_b/artifacts/report.json': () => json(aReport({ images })),
  });
  await show(ROUTES, '/compare?a=job_a&b=job_b');
  const table = await screen.findByRole('table', { name: 'Photos of both' });
  expect(table).toHaveAttribute('aria-rowcount', '5001');
  expect(within(table).getAllByRole('row').length).toBeLessThan(60);
});
