/** Two scenes that are measured: each its own ends, one scale where they lie over each other. */

import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useEffect } from 'react';
import { beforeEach, expect, test, vi } from 'vitest';
import { openSurface } from '../scene/fixtures/scene';
import type { SceneViewerProps } from '../scene/SceneViewer';
import type { TilesIndex } from '../scene/tiles/format';
import type { Vec3 } from '../scene/vec';
import { CompareScenes } from './CompareScenes';

/** What is opened as A and as B. */
let opened: Record<string, TilesIndex>;

/** Three units of whichever world. */
const ENDS: Vec3[] = [
  [0, 0, 0],
  [0, 0, 3],
];

// jsdom draws nothing: in place of clicks on points
vi.mock('../scene/SceneViewer', () => ({
  SceneViewer: ({ label = '', view, onOpen, onViewChange }: SceneViewerProps) => {
    useEffect(() => {
      const index = opened[label];
      if (index) onOpen?.(index);
    }, [label, onOpen]);
    return (
      <section aria-label={label}>
        <button type="button" onClick={() => onViewChange({ measured: ENDS })}>
          measure in {label}
        </button>
        <button type="button" onClick={() => onViewChange({ metresPerUnit: 2 })}>
          set the scale in {label}
        </button>
        <output aria-label={`view of ${label}`}>{JSON.stringify([view.measured.length, view.metresPerUnit])}</output>
      </section>
    );
  },
}));

const press = (name: string) => userEvent.click(screen.getByRole('button', { name }));
const seen = (side: 'A' | 'B') => screen.getByRole('status', { name: `view of Scene of ${side}` }).textContent;

/** The same scene in a world of half the size. */
function halved(index: TilesIndex): TilesIndex {
  const images = index.images.map((image) => ({
    ...image,
    center: image.center.map((value) => value / 2) as TilesIndex['images'][number]['center'],
  }));
  return { ...index, images };
}

beforeEach(async () => {
  const { index } = await openSurface();
  opened = { 'Scene of A': index, 'Scene of B': halved(index) };
});

test('what is measured in B is told in the units of A, and stays in B', async () => {
  render(<CompareScenes a="job_a" b="job_b" />);
  await press('measure in Scene of B');
  expect(screen.getByText('Measured: B 6.00 units.')).toBeVisible();
  expect([seen('A'), seen('B')]).toEqual(['[0,null]', '[2,null]']);
  await press('measure in Scene of A');
  expect(screen.getByText('Measured: A 3.00 units, B 6.00 units.')).toBeVisible();
});

test('a scale that is set in either holds in both', async () => {
  render(<CompareScenes a="job_a" b="job_b" />);
  for (const side of ['A', 'B']) await press(`measure in Scene of ${side}`);
  await press('set the scale in Scene of B');
  expect([seen('A'), seen('B')]).toEqual(['[2,2]', '[2,2]']);
  expect(screen.getByText('Measured: A 6.00 m, B 12.0 m.')).toBeVisible();
});

test('scenes without a camera in common have a scale each', async () => {
  const { index } = await openSurface();
  const images = index.images.map((image) => ({ ...image, name: `other ${image.name}` }));
  opened = { 'Scene of A': index, 'Scene of B': { ...index, images } };
  render(<CompareScenes a="job_a" b="job_b" />);
  expect(screen.getByText(/share no two cameras/)).toBeVisible();
  await press('measure in Scene of B');
  await press('set the scale in Scene of B');
  expect([seen('A'), seen('B')]).toEqual(['[0,null]', '[2,2]']);
  expect(screen.getByText('Measured: B 6.00 m.')).toBeVisible();
});
