/** What an event of a job changes in what is known of it: the service's own tracker (`jobs/tracker.rs`), read here. */

import { z } from 'zod';
import type { JobView, StageProgress } from '../api/generated';
import { zJobFailure, zJobState } from '../api/generated/zod.gen';
import type { ServerEvent } from './serverEvents';

const state = z.object({ state: zJobState, attempt: z.number(), failure: zJobFailure.nullish(), at: z.string() });
const started = z.object({ stage: z.string(), total: z.number().nullish(), at: z.string() });
const progress = z.object({
  stage: z.string(),
  done: z.number(),
  total: z.number(),
  rate_per_sec: z.number().nullish(),
  eta_secs: z.number().nullish(),
});
const finished = z.object({ stage: z.string(), items: z.number(), reused: z.number(), secs: z.number() });

/** The job behind the event; the same object where it is old news. */
export function applyEvent(job: JobView, event: ServerEvent): JobView {
  if (event.id <= job.last_event) return job;
  const seen = { ...job, last_event: event.id };
  const data: unknown = JSON.parse(event.data);
  switch (event.kind) {
    case 'state':
      return withState(seen, state.parse(data));
    case 'stage_started': {
      const { stage, total, at } = started.parse(data);
      const fresh = { state: 'running', done: 0, reused: 0, secs: null, rate_per_sec: null, eta_secs: null } as const;
      const change = { ...fresh, total: total ?? null, began_at: Date.parse(at) };
      return { ...withStage(seen, stage, change), stage };
    }
    case 'progress': {
      const { stage, ...change } = progress.parse(data);
      return withStage(seen, stage, change);
    }
    case 'stage_finished': {
      const { stage, items, reused, secs } = finished.parse(data);
      const numNow = items - reused;
      const rate = secs > 0 && numNow > 0 ? numNow / secs : null;
      const change = { done: items, total: items, reused, secs, eta_secs: null, rate_per_sec: rate } as const;
      return withStage(seen, stage, { ...change, state: 'finished' });
    }
    default:
      return seen;
  }
}

function withState(job: JobView, told: z.infer<typeof state>): JobView {
  const ended = { ended_at: told.at, stages: job.stages.map((stage) => stopped(stage, 'failed')) };
  const changed = { ...job, state: told.state, attempts: told.attempt, failure: told.failure ?? null };
  switch (told.state) {
    case 'queued':
      return { ...changed, stages: job.stages.map((stage) => stopped(stage, 'waiting')) };
    case 'checking':
      return { ...changed, started_at: job.started_at ?? told.at, queue_position: null };
    case 'failed':
    case 'cancelled':
      return { ...changed, ...ended };
    case 'succeeded':
      return { ...changed, ended_at: told.at };
    default:
      return changed;
  }
}

function stopped(stage: StageProgress, as: 'failed' | 'waiting'): StageProgress {
  return stage.state === 'running' ? { ...stage, state: as, eta_secs: null } : stage;
}

function withStage(job: JobView, name: string, change: Partial<StageProgress>): JobView {
  return { ...job, stages: job.stages.map((stage) => (stage.stage === name ? { ...stage, ...change } : stage)) };
}
