/** Two files of the same scene in different worlds are shown at the same place. */

import { expect, it } from 'vitest';
import { alignScenes } from './compare';
import { openSurface } from './fixtures/scene';
import { apply, type Similarity } from './frames';
import type { TilesIndex } from './tiles/format';
import { multiply, norm, sub } from './vec';
import { lengthOf } from './view/measure';

const WORLD: Similarity = { scale: 0.37, rotation: [0.5, -0.5, 0.5, 0.5], translation: [4, 5, -6] };

function moved(index: TilesIndex): TilesIndex {
  const images = index.images.map((image) => ({
    ...image,
    center: [...apply(WORLD, image.center)] as [number, number, number],
    rotation: [...multiply(WORLD.rotation, image.rotation)] as [number, number, number, number],
  }));
  return { ...index, images };
}

it('lays one over the other', async () => {
  const { index } = await openSurface();
  const pair = alignScenes(index, moved(index), 'cameras');
  if (!pair) throw new Error('not aligned');
  expect(pair.alignment.numShared).toBe(index.images.length);
  for (const place of [index.core.center, [1, 0, 0], [0, 3, -2]] as const) {
    expect(norm(sub(apply(pair.a, place), apply(pair.b, apply(WORLD, place))))).toBeLessThan(1e-9);
  }
});

it('keeps lengths: the same thing is as long in both', async () => {
  const { index } = await openSurface();
  const pair = alignScenes(index, moved(index), 'cameras');
  if (!pair) throw new Error('not aligned');
  const ends = [index.core.center, [1, 0, 0]] as const;
  const movedEnds = ends.map((end) => apply(WORLD, end));
  expect(lengthOf(movedEnds, pair.b)).toBeCloseTo(lengthOf(ends, pair.a) ?? 0, 9);
});

it('has nothing to lay where no photo is shared', async () => {
  const { index } = await openSurface();
  const images = index.images.map((image) => ({ ...image, name: `other ${image.name}` }));
  expect(alignScenes(index, { ...index, images }, 'cameras')).toBeNull();
});
