/** A report as runs write it, for tests: three photos, one of them without a place. */

import { type Report, type ReportImage, reportSchema } from '../report/report';

export function anImage(image_id: number, change: Partial<ReportImage> = {}): ReportImage {
  return {
    image_id,
    name: `image_${image_id}.jpg`,
    image_size: [1024, 768],
    num_keypoints: 2048,
    num_matches: 10_000,
    num_inlier_matches: 5000,
    registered: true,
    verdict: 'registered',
    reason: '',
    next_step: '',
    sharpness: 800,
    projection_center: [image_id, 0, 0],
    num_observations: 1200,
    mean_reprojection_error_px: 0.4,
    ...change,
  };
}

export function aReport(change: Partial<Report> = {}): Report {
  const lost = anImage(3, {
    registered: false,
    verdict: 'no_geometry',
    reason: '778 matches with its best neighbour, but only 0 fit one geometry',
    next_step: 'check that it shows the same scene, unmoved',
    num_inlier_matches: 0,
    projection_center: null,
    num_observations: 0,
    mean_reprojection_error_px: null,
  });
  return reportSchema.parse({
    schema_version: 1,
    run: {
      scene3d_version: '0.1.0',
      started_at: '2026-11-26T02:34:35Z',
      total_secs: 15.6,
      device: 'cpu',
      threads: 2,
      seed: 0,
      config: { name: 'aliked+nearest', sha256: 'ab', command: 'scene3d reconstruct PHOTOS' },
      mapper_engine: 'pycolmap 4.2.1',
      peak_memory_bytes: 555_315_200,
    },
    plugins: [{ id: 'aliked', kind: 'extractor', version: '0.1.0', license: 'Apache-2.0' }],
    weights: [{ plugin: 'aliked', name: 'aliked-n16rot', sha256: 'cd', license: 'BSD-3-Clause' }],
    stages: [
      { name: 'extract', secs: 5.4, items: 3, unit: 'images', reused: false },
      { name: 'map', secs: 8.9, items: 3, unit: 'images', reused: false },
    ],
    statistics: {
      num_registered: 2,
      num_points3d: 3692,
      num_observations: 18_319,
      mean_track_length: 4.96,
      mean_reprojection_error_px: 0.433,
    },
    images: [anImage(1), anImage(2, { num_keypoints: 1024, mean_reprojection_error_px: 0.6 }), lost],
    pairs: [
      { image1: 1, image2: 2, num_matches: 1321, num_inliers: 1183, configuration: 'calibrated' },
      { image1: 1, image2: 3, num_matches: 40, num_inliers: 0 },
    ],
    reprojection_errors_px: { start: 0, bin_width: 0.1, counts: [10, 30, 20, 5] },
    track_lengths: { start: 2, bin_width: 1, counts: [100, 50, 20] },
    other_models: [],
    warnings: [],
    outputs: [{ path: 'points.ply', num_bytes: 85_208, description: 'coloured points' }],
    ...change,
  });
}
