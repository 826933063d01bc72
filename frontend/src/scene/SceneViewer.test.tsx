/** A scene that can't be shown: none there, one that can't be read, nothing to draw with. */

import { render, screen } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { beforeEach, expect, test, vi } from 'vitest';
import { ApiError } from '../api/problem';
import { expectAccessible } from '../test/axe';
import { surfaceBytes } from './fixtures/scene';
import { SceneViewer } from './SceneViewer';
import type { SceneSource } from './tiles/source';
import { DEFAULT_VIEW } from './view/viewState';

const drawing = { canDraw: true, isSoftware: true };
vi.mock('./stage/graphics', () => ({ graphics: () => drawing, pointLimits: () => ({ max: 1, first: 1 }) }));
vi.mock('./tiles/unpacker', () => ({ startUnpacker: () => ({ unpack: undefined, close: () => undefined }) }));

beforeEach(() => {
  drawing.canDraw = true;
});

function show(read: SceneSource['read']) {
  const source: SceneSource = { key: 'scene', read, photo: async () => new Blob() };
  const back = { to: '/jobs/job_1', name: 'Back to the job' };
  const viewer = <SceneViewer source={source} view={DEFAULT_VIEW} onViewChange={() => undefined} back={back} />;
  return render(<RouterProvider router={createMemoryRouter([{ path: '/', element: viewer }])} />);
}

test('empty: a job without a scene says why there may be none, and leads back', async () => {
  const { container } = show(async () => {
    throw new ApiError({ status: 404, code: 'not_found', title: 'no', detail: 'there is no such artifact' });
  });
  expect(await screen.findByText('There is no scene')).toBeVisible();
  expect(screen.getByRole('link', { name: 'Back to the job' })).toHaveAttribute('href', '/jobs/job_1');
  await expectAccessible(container);
});

test('failed: a file that is no scene says what is wrong with it', async () => {
  show(async () => new TextEncoder().encode('no tiles at all, but long enough to have a head').buffer as ArrayBuffer);
  expect(await screen.findByRole('alert')).toHaveTextContent("The scene can't be read");
});

test('a browser that draws no 3D is told what to do, and that the points can be downloaded', async () => {
  drawing.canDraw = false;
  const { container } = show(async (start, end) => surfaceBytes().slice(start, end));
  expect(await screen.findByText("This browser can't draw 3D here")).toBeVisible();
  expect(screen.getByText(/points can be downloaded/)).toBeVisible();
  await expectAccessible(container);
});
