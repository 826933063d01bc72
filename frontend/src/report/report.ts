/** `report.json` of a run (`host/export/src/report.rs`, schema version 1): read, and checked as it is read. */

import { z } from 'zod';

const statistics = z.object({
  num_registered: z.number(),
  num_points3d: z.number(),
  num_observations: z.number(),
  mean_track_length: z.number(),
  mean_reprojection_error_px: z.number(),
});

const image = z.object({
  image_id: z.number(),
  name: z.string(),
  image_size: z.tuple([z.number(), z.number()]).nullable(),
  num_keypoints: z.number(),
  num_matches: z.number(),
  num_inlier_matches: z.number(),
  registered: z.boolean(),
  /** `registered`, or why not. */
  verdict: z.string(),
  reason: z.string(),
  next_step: z.string(),
  sharpness: z.number().nullable(),
  projection_center: z.tuple([z.number(), z.number(), z.number()]).nullable(),
  num_observations: z.number(),
  mean_reprojection_error_px: z.number().nullable(),
});

const pair = z.object({
  image1: z.number(),
  image2: z.number(),
  num_matches: z.number(),
  num_inliers: z.number(),
  configuration: z.string().nullish(),
});

const histogram = z.object({ start: z.number(), bin_width: z.number(), counts: z.array(z.number()) });

const stageTime = z.object({
  name: z.string(),
  secs: z.number(),
  items: z.number(),
  unit: z.string(),
  reused: z.boolean(),
});

export const reportSchema = z.object({
  schema_version: z.literal(1),
  run: z.object({
    scene3d_version: z.string(),
    started_at: z.string(),
    total_secs: z.number(),
    device: z.string(),
    threads: z.number(),
    seed: z.number(),
    config: z.object({ name: z.string(), sha256: z.string(), command: z.string() }),
    mapper_engine: z.string().nullish(),
    peak_memory_bytes: z.number().nullish(),
  }),
  plugins: z.array(z.object({ id: z.string(), kind: z.string(), version: z.string(), license: z.string() })),
  weights: z.array(z.object({ plugin: z.string(), name: z.string(), sha256: z.string(), license: z.string() })),
  stages: z.array(stageTime),
  statistics: statistics.nullable(),
  images: z.array(image),
  pairs: z.array(pair),
  sources: z
    .array(
      z.object({ name: z.string(), num_keypoints: z.number(), num_matches: z.number(), num_observations: z.number() }),
    )
    .default([]),
  reprojection_errors_px: histogram,
  track_lengths: histogram,
  other_models: z.array(z.object({ model: z.number(), statistics, images: z.array(z.string()) })),
  warnings: z.array(z.string()),
  outputs: z.array(z.object({ path: z.string(), num_bytes: z.number(), description: z.string() })),
});

export type Report = z.infer<typeof reportSchema>;
export type ReportImage = z.infer<typeof image>;
export type ReportPair = z.infer<typeof pair>;
export type ReportHistogram = z.infer<typeof histogram>;
export type ReportStage = z.infer<typeof stageTime>;

/** Verdicts as people read them. */
const VERDICT_WORDS: Record<string, string> = {
  registered: 'registered',
  not_decodable: 'not readable',
  too_blurred: 'too blurred',
  too_few_keypoints: 'too few keypoints',
  no_overlap: 'no overlap',
  no_geometry: 'no geometry',
  other_component: 'in another model',
};

export function verdictInWords(verdict: string): string {
  return VERDICT_WORDS[verdict] ?? verdict.replaceAll('_', ' ');
}
