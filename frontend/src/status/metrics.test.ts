/** Metrics as the service writes them. */

import { expect, test } from 'vitest';
import { metric, ofName, parsedMetrics, stageMeans } from './metrics';

const TEXT = `# HELP scene3d_jobs Jobs in the store by state.
# TYPE scene3d_jobs gauge
scene3d_jobs{state="running"} 1
scene3d_jobs{state="succeeded"} 12
scene3d_images_processed_total 24
scene3d_stage_duration_seconds_bucket{outcome="succeeded",plugin="aliked",stage="extract",le="+Inf"} 2
scene3d_stage_duration_seconds_sum{outcome="succeeded",plugin="aliked",stage="extract"} 10.5
scene3d_stage_duration_seconds_count{outcome="succeeded",plugin="aliked",stage="extract"} 2
scene3d_plugin_errors_total{code="a\\"b}c\\\\",plugin="x"} 1
`;

test('samples have names, labels and values', () => {
  const samples = parsedMetrics(TEXT);
  expect(samples).toHaveLength(7);
  expect(metric(samples, 'scene3d_images_processed_total')).toBe(24);
  expect(metric(samples, 'scene3d_jobs', { state: 'succeeded' })).toBe(12);
  expect(metric(samples, 'scene3d_jobs', { state: 'failed' })).toBeUndefined();
  expect(ofName(samples, 'scene3d_plugin_errors_total')[0]?.labels).toEqual({ code: 'a"b}c\\', plugin: 'x' });
});

test('stages have mean times', () => {
  expect(stageMeans(parsedMetrics(TEXT))).toEqual([{ stage: 'extract', plugin: 'aliked', runs: 2, meanSecs: 5.25 }]);
});
