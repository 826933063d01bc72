/** Following a job over cut connections. */

import { beforeEach, expect, test, vi } from 'vitest';
import { signIn } from '../state/session';
import { eventStream, problem, serve } from '../test/service';
import { follow, pauseMs } from './follow';

const PATH = '/api/v1/jobs/job_1/events';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));

async function followed(answers: ((lastEvent: string | null) => Response)[], after = 0) {
  const asked: (string | null)[] = [];
  serve({
    [`GET ${PATH}`]: (request) => {
      asked.push(request.headers.get('last-event-id'));
      const answer = answers[asked.length - 1];
      if (!answer) throw new TypeError('gone');
      return answer(asked.at(-1) ?? null);
    },
  });
  await signIn('ann', 'secret');
  const ids: number[] = [];
  const connections: string[] = [];
  const stop = new AbortController();
  const follower = {
    onEvent: ({ id }: { id: number }) => ids.push(id),
    onConnection: (connection: string) => connections.push(connection),
  };
  const end = follow(PATH, after, follower, stop.signal);
  return { asked, ids, connections, stop, end };
}

const running = { state: 'running' };

test('a cut connection goes on behind the last event, without gap or duplicate, until the job ends', async () => {
  const run = await followed(
    [
      () =>
        eventStream([
          [5, 'state', running],
          [6, 'log', {}],
        ]),
      () => problem(503, 'busy', 'later'),
      () => eventStream([[7, 'state', { state: 'succeeded' }]], true),
    ],
    4,
  );
  await vi.advanceTimersByTimeAsync(60_000);
  await run.end;
  expect(run.ids).toEqual([5, 6, 7]);
  expect(run.asked).toEqual(['4', '6', '6']);
  expect(run.connections).toEqual(['live', 'lost', 'lost', 'live']);
});

test('what is no more or belongs to others is not asked for again', async () => {
  const run = await followed([() => problem(404, 'not_found', 'no such job')]);
  await run.end;
  expect(run.asked).toHaveLength(1);
});

test('a job that has ended has nothing to tell', async () => {
  const run = await followed([() => new Response(null, { status: 204 })]);
  await run.end;
  expect(run.asked).toHaveLength(1);
});

test('nobody asks when nobody looks', async () => {
  const run = await followed([() => eventStream([[1, 'log', {}]])]);
  await vi.advanceTimersByTimeAsync(10);
  run.stop.abort();
  await vi.advanceTimersByTimeAsync(60_000);
  await run.end;
  expect(run.asked).toHaveLength(1);
});

test('pauses grow to a quarter of a minute and differ', () => {
  expect([1, 2, 3, 10].map((failures) => pauseMs(failures, 0.5))).toEqual([500, 1000, 2000, 15_000]);
  expect(pauseMs(1, 0)).toBeLessThan(pauseMs(1, 1));
});
