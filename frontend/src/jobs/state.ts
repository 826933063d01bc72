/** States of jobs in words and tones, and how far a job is. */

import type { JobState, JobView, StageProgress } from '../api/generated';
import type { Tone } from '../ui/Badge';

export const STATES: readonly JobState[] = ['queued', 'checking', 'running', 'succeeded', 'failed', 'cancelled'];

export const STATE_TONES: Record<JobState, Tone> = {
  queued: 'neutral',
  checking: 'accent',
  running: 'accent',
  succeeded: 'ok',
  failed: 'bad',
  cancelled: 'neutral',
};

/** Whether nothing more will happen to it. */
export function hasEnded(state: JobState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

/** The name of a job's config; one that was sent as text has none of its own (`http/configs.rs`). */
export function pipelineOf({ config }: { config: string }): string {
  return config === 'config' ? 'own pipeline' : config;
}

/** What each stage does. */
export const STAGE_WORDS: Record<string, string> = {
  read: 'Read photos',
  extract: 'Find keypoints',
  pair: 'Choose pairs',
  match: 'Match pairs',
  map: 'Place cameras',
  export: 'Write results',
};

/** Rough shares of a run's time, so that one bar can stand for all stages. */
const WEIGHTS: Record<string, number> = { read: 1, extract: 25, pair: 2, match: 45, map: 25, export: 2 };

export function stageShare(stage: StageProgress): number | undefined {
  if (stage.state === 'finished') return 1;
  if (stage.state === 'waiting') return 0;
  return stage.total ? Math.min(1, stage.done / stage.total) : undefined;
}

/** 0 to 1 of the whole job. */
export function jobShare(stages: readonly StageProgress[]): number {
  const weight = ({ stage }: StageProgress) => WEIGHTS[stage] ?? 10;
  const all = stages.reduce((sum, stage) => sum + weight(stage), 0);
  const done = stages.reduce((sum, stage) => sum + weight(stage) * (stageShare(stage) ?? 0), 0);
  return all > 0 ? done / all : 0;
}

/**
 * Whether the counts of a stage are counts of its items. While cameras are placed they are thousandths of the way: no job
 * has more photos than it was given.
 */
export function countsItems(stage: StageProgress, numImages: number): boolean {
  return stage.unit !== 'images' || (stage.total ?? 0) <= numImages;
}

/** Seconds to go in the stage that runs; `undefined` while nobody knows. */
export function etaSecs(job: JobView): number | undefined {
  const running = job.stages.find((stage) => stage.state === 'running');
  return running?.eta_secs ?? undefined;
}
