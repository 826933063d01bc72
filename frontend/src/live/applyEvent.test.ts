/** Events of a real run, put on a job one by one, give what the service says of it. */

import { expect, test } from 'vitest';
import { aJob } from '../test/jobs';
import { applyEvent } from './applyEvent';

const at = '2026-11-26T02:34:35.313Z';

function event(id: number, kind: string, data: object) {
  return { id, kind, data: JSON.stringify({ at, ...data }) };
}

test('a job goes its way by its events', () => {
  const events = [
    event(2, 'state', { state: 'checking', attempt: 1, failure: null }),
    event(3, 'state', { state: 'running', attempt: 1, failure: null }),
    event(4, 'stage_started', { stage: 'extract', total: 12, plugins: ['aliked'] }),
    event(5, 'progress', { stage: 'extract', done: 3, total: 12, what: 'a.jpg', rate_per_sec: 1.5, eta_secs: 6 }),
    event(6, 'log', { level: 'info', target: 'a', message: 'hello' }),
  ];
  const job = events.reduce(applyEvent, aJob());
  expect(job).toMatchObject({ state: 'running', stage: 'extract', attempts: 1, started_at: at, last_event: 6 });
  expect(job.stages[1]).toMatchObject({ state: 'running', done: 3, total: 12, rate_per_sec: 1.5, eta_secs: 6 });

  const done = applyEvent(job, event(7, 'stage_finished', { stage: 'extract', items: 12, reused: 4, secs: 4 }));
  expect(done.stages[1]).toMatchObject({ state: 'finished', done: 12, reused: 4, secs: 4, rate_per_sec: 2 });
});

test('old news change nothing', () => {
  const job = aJob({ last_event: 9, state: 'running' });
  expect(applyEvent(job, event(9, 'state', { state: 'queued', attempt: 1, failure: null }))).toBe(job);
});

test('a failure fails the stage that ran, and a lost worker makes it wait', () => {
  const running = applyEvent(aJob(), event(2, 'stage_started', { stage: 'map', total: 12 }));
  const failure = { code: 'panicked', message: 'no', help: '', transient: false };
  const failed = applyEvent(running, event(3, 'state', { state: 'failed', attempt: 1, failure }));
  expect([failed.state, failed.stages[4]?.state, failed.failure?.code]).toEqual(['failed', 'failed', 'panicked']);
  const again = applyEvent(running, event(3, 'state', { state: 'queued', attempt: 1, failure: null }));
  expect([again.state, again.stages[4]?.state]).toEqual(['queued', 'waiting']);
});
