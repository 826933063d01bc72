/** A job as the service tells it, for tests: what matters to a test is said by it. */

import type { JobView, StageProgress } from '../api/generated';

const STAGES = [
  ['read', 'images'],
  ['extract', 'images'],
  ['pair', 'pairs'],
  ['match', 'pairs'],
  ['map', 'images'],
  ['export', 'files'],
] as const;

export function aStage(stage: string, change: Partial<StageProgress> = {}): StageProgress {
  const unit = STAGES.find(([name]) => name === stage)?.[1] ?? 'images';
  return { stage, unit, state: 'waiting', done: 0, total: null, reused: 0, secs: null, ...change };
}

export function aJob(change: Partial<JobView> = {}): JobView {
  const id = change.id ?? 'job_1';
  const self = `/api/v1/jobs/${id}`;
  return {
    id,
    state: 'queued',
    stage: null,
    config: 'aliked+nearest',
    created_at: '2026-11-26T02:34:35.259Z',
    started_at: null,
    ended_at: null,
    num_images: 12,
    retry_of: null,
    links: { self, events: `${self}/events`, logs: `${self}/logs`, artifacts: `${self}/artifacts` },
    queue_position: null,
    attempts: 0,
    cancel_requested: false,
    last_event: 1,
    stages: STAGES.map(([stage]) => aStage(stage)),
    drift: null,
    statistics: null,
    images: null,
    failure: null,
    config_toml: '',
    num_bytes: 4_494_683,
    webhook_url: null,
    ...change,
  };
}
