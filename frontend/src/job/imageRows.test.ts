/** Photos of a report, as the table wants them. */

import { expect, test } from 'vitest';
import { anImage, aReport } from '../test/report';
import { verdictCounts, wantedRows } from './imageRows';

const { images } = aReport();
const all = { search: '', verdict: '', sorting: { column: 'name', isDescending: false } } as const;
const names = (wanted: Parameters<typeof wantedRows>[1]) => wantedRows(images, wanted).map(({ image_id }) => image_id);

test('what is not known stands last both ways', () => {
  expect(names({ ...all, sorting: { column: 'error', isDescending: false } })).toEqual([1, 2, 3]);
  expect(names({ ...all, sorting: { column: 'error', isDescending: true } })).toEqual([2, 1, 3]);
});

test('names are sorted as people count', () => {
  const rows = wantedRows([anImage(10), anImage(9)], all);
  expect(rows.map(({ name }) => name)).toEqual(['image_9.jpg', 'image_10.jpg']);
});

test('photos are found by name and by verdict', () => {
  expect(names({ ...all, search: 'IMAGE_2' })).toEqual([2]);
  expect(names({ ...all, verdict: 'unregistered' })).toEqual([3]);
  expect(names({ ...all, verdict: 'no_overlap' })).toEqual([]);
  expect(verdictCounts(images)).toEqual([
    ['registered', 2],
    ['no_geometry', 1],
  ]);
});
