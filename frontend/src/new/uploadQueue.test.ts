/** The queue: a few at a time, in order, paused, held by what is in the way of all, one failure the failure of one. */

import { describe, expect, test, vi } from 'vitest';
import { ApiError } from '../api/problem';
import { type Photo, sentBytes } from './photo';
import { PhotoList } from './photoList';
import { type Sender, type SendingEvents, type Sent, UploadQueue } from './uploadQueue';

interface Attempt {
  path: string;
  on: SendingEvents;
  succeed(): Promise<void>;
  fail(error: ApiError): Promise<void>;
  isStopped: boolean;
}

/** Attempts that end when the test says so. */
class ByHand implements Sender {
  readonly attempts: Attempt[] = [];

  send(photo: Photo, on: SendingEvents) {
    let resolve: (sent: Sent) => void = () => undefined;
    let reject: (error: ApiError) => void = () => undefined;
    const promise = new Promise<Sent>((succeeded, failed) => {
      resolve = succeeded;
      reject = failed;
    });
    const attempt: Attempt = {
      path: photo.path,
      on,
      isStopped: false,
      succeed: async () => {
        resolve({ images: [`sha of ${photo.path}`], uploadId: `upload of ${photo.path}`, numNotUsed: 0 });
        await Promise.resolve();
      },
      fail: async (error) => {
        reject(error);
        await promise.catch(() => undefined);
      },
    };
    this.attempts.push(attempt);
    return {
      done: promise,
      stop: () => {
        attempt.isStopped = true;
      },
    };
  }

  latest(path: string): Attempt {
    const found = this.attempts.findLast((attempt) => attempt.path === path);
    if (!found) throw new Error(`${path} was not sent`);
    return found;
  }

  get paths() {
    return this.attempts.map((attempt) => attempt.path);
  }
}

function queueOf(numPhotos: number) {
  const list = new PhotoList({ look: () => undefined, forget: () => undefined });
  const paths = [...Array(numPhotos).keys()].map((index) => `${index}.jpg`);
  list.add(paths.map((path) => ({ file: new File(['0123456789'], path), path })));
  const sender = new ByHand();
  const queue = new UploadQueue(list, sender);
  const states = () => list.all().map((photo) => photo.transfer.state);
  return { list, sender, queue, states };
}

function error(code: string, status = 0) {
  return new ApiError({ code, status, title: code, detail: code });
}

describe('the upload queue', () => {
  test('sends three at a time, in order', async () => {
    const { sender, queue, states } = queueOf(5);
    queue.start();
    expect(sender.paths).toEqual(['0.jpg', '1.jpg', '2.jpg']);
    await sender.latest('1.jpg').succeed();
    expect(sender.paths).toEqual(['0.jpg', '1.jpg', '2.jpg', '3.jpg']);
    expect(states()).toEqual(['sending', 'done', 'sending', 'sending', 'waiting']);
    for (const path of ['0.jpg', '2.jpg', '3.jpg', '4.jpg']) await sender.latest(path).succeed();
    expect(states()).toEqual(Array(5).fill('done'));
    expect(queue.state()).toEqual({ state: 'idle' });
  });

  test('pauses, and hears nothing of what it stopped', async () => {
    const { sender, queue, states, list } = queueOf(2);
    queue.start();
    sender.latest('0.jpg').on.sent(4);
    expect(list.all()[0]?.transfer).toEqual({ state: 'sending', sentBytes: 4 });
    const stopped = sender.latest('0.jpg');
    queue.pause();
    expect(stopped.isStopped).toBe(true);
    stopped.on.sent(9);
    await stopped.succeed();
    expect(states()).toEqual(['waiting', 'waiting']);
    // what is there is there
    expect(list.all().map(sentBytes)).toEqual([4, 0]);
    queue.resume();
    expect(list.all()[0]?.transfer).toEqual({ state: 'sending', sentBytes: 4 });
    expect(sender.paths).toEqual(['0.jpg', '1.jpg', '0.jpg', '1.jpg']);
  });

  test('is held by a lost connection and goes on after it', async () => {
    const { sender, queue, states } = queueOf(2);
    queue.start();
    await sender.latest('1.jpg').fail(error('offline'));
    expect(queue.state()).toMatchObject({ state: 'held', error: { code: 'offline' } });
    expect(states()).toEqual(['waiting', 'waiting']);
    queue.resume();
    await sender.latest('0.jpg').succeed();
    await sender.latest('1.jpg').succeed();
    expect(states()).toEqual(['done', 'done']);
  });

  test('tries a server that does not answer again by itself', async () => {
    vi.useFakeTimers();
    const { sender, queue } = queueOf(1);
    queue.start();
    await sender.latest('0.jpg').fail(error('no_answer'));
    expect(queue.state().state).toBe('held');
    vi.advanceTimersByTime(6000);
    expect(sender.paths).toEqual(['0.jpg', '0.jpg']);
    vi.useRealTimers();
  });

  test('lets one photo fail alone, and sends it again when asked', async () => {
    const { sender, queue, states } = queueOf(2);
    queue.start();
    await sender.latest('0.jpg').fail(error('not_an_image', 415));
    await sender.latest('1.jpg').succeed();
    expect(states()).toEqual(['failed', 'done']);
    expect(queue.state().state).toBe('idle');
    queue.start();
    expect(sender.paths).toEqual(['0.jpg', '1.jpg', '0.jpg']);
  });

  test('forgets a photo that is removed while it is sent', async () => {
    const { sender, queue, states, list } = queueOf(2);
    queue.start();
    const [first] = list.all();
    queue.drop(first?.id ?? '');
    list.remove(first?.id ?? '');
    expect(sender.latest('0.jpg').isStopped).toBe(true);
    await sender.latest('1.jpg').succeed();
    expect(states()).toEqual(['done']);
    expect(queue.state().state).toBe('idle');
  });
});
