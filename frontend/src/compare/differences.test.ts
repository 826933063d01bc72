/** Two runs on the same photos. */

import { expect, test } from 'vitest';
import { anImage, aReport } from '../test/report';
import { changeOf, configDifferences, figuresOf, photoPairs, samePhotos, verdictOf } from './differences';

test('photos whose place changed stand first, then those whose error did most', () => {
  const a = aReport({
    images: [anImage(1), anImage(2), anImage(3, { registered: false, mean_reprojection_error_px: null })],
  });
  const b = aReport({ images: [anImage(1), anImage(2, { mean_reprojection_error_px: 0.9 }), anImage(3), anImage(4)] });
  const pairs = photoPairs(a, b);
  expect(pairs.map((pair) => [pair.name, changeOf(pair)])).toEqual([
    ['image_3.jpg', 'gained'],
    ['image_4.jpg', 'only in b'],
    ['image_2.jpg', 'same'],
    ['image_1.jpg', 'same'],
  ]);
  expect(photoPairs(b, a).map(changeOf)).toEqual(['lost', 'only in a', 'same', 'same']);
  expect([samePhotos(a, b), samePhotos(a, a)]).toEqual([false, true]);
});

test('a figure is better where more, or less, is good', () => {
  const a = aReport();
  const b = aReport({
    statistics: {
      num_registered: 3,
      num_points3d: 3690,
      num_observations: 1,
      mean_track_length: 4,
      mean_reprojection_error_px: 0.5,
    },
  });
  const verdicts = Object.fromEntries(figuresOf(a, b).map((one) => [one.name, verdictOf(one)]));
  expect(verdicts).toMatchObject({
    Registered: 'better',
    Points: 'alike',
    'Reprojection error': 'worse',
    Keypoints: undefined,
  });
});

test('configs differ by their lines, comments aside', () => {
  const [a, b] = ['[mapper]\nplugin = "colmap" \n# old', '# new\n[mapper]\nplugin = "glomap"'];
  expect(configDifferences(a, b)).toEqual({ onlyA: ['plugin = "colmap"'], onlyB: ['plugin = "glomap"'] });
});
