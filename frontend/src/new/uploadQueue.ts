/**
 * Photos on their way to the server: a few at a time, in order. What is in the way of all of them, no connection or no
 * session, holds the queue until it is over; what is wrong with one photo is that photo's alone.
 */

import { type ApiError, asApiError } from '../api/problem';
import { isWanted, type Photo, sentBytes } from './photo';
import type { PhotoList } from './photoList';
import { RateMeter } from './rateMeter';

/** Enough to fill a connection while the server looks at what came. */
const MAX_AT_ONCE = 3;

/** A server that did not answer is tried again after this time. */
const RETRY_MS = 5_000;

/** What a photo became on the server. */
export interface Sent {
  /** sha256 of its images. */
  images: readonly string[];
  /** None if the server had it already. */
  uploadId: string | undefined;
  numNotUsed: number;
}

/** How a photo is sent. */
export interface Sender {
  send(photo: Photo, on: SendingEvents): Sending;
}

export interface SendingEvents {
  sent(bytes: number): void;
  /** All bytes are there. */
  looking(): void;
}

export interface Sending {
  done: Promise<Sent>;
  /** Stops; `done` never settles then, and another attempt goes on where this one was. */
  stop(): void;
}

export type QueueState =
  | { state: 'idle' }
  | { state: 'running' }
  | { state: 'paused' }
  /** By what is in the way of all photos. */
  | { state: 'held'; error: ApiError };

const HOLDING = ['offline', 'no_answer', 'session_ended'];

export class UploadQueue {
  private current: QueueState = { state: 'idle' };
  private readonly active = new Map<string, Sending>();
  private readonly listeners = new Set<() => void>();
  private readonly meter = new RateMeter();
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly list: PhotoList,
    private readonly sender: Sender,
  ) {}

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly state = (): QueueState => this.current;

  /** Sends every photo that is not there yet, also those that failed. */
  start() {
    const toSend = this.list
      .all()
      .filter((photo) => isWanted(photo) && ['idle', 'failed'].includes(photo.transfer.state))
      .map((photo) => photo.id);
    this.list.move(new Set(toSend), { state: 'waiting' });
    this.run();
  }

  pause() {
    this.halt({ state: 'paused' });
  }

  /** Goes on after a pause, or after what held it. */
  resume() {
    if (this.current.state === 'paused' || this.current.state === 'held') this.run();
  }

  /** Stops one photo, which is about to be removed. */
  drop(id: string) {
    this.active.get(id)?.stop();
    this.active.delete(id);
    if (this.current.state === 'running') this.fill();
  }

  /** Stops all and forgets them. */
  reset() {
    this.halt({ state: 'idle' });
  }

  /** Bytes a second, lately. */
  rate(): number | undefined {
    return this.current.state === 'running' ? this.meter.perSec() : undefined;
  }

  private run() {
    clearTimeout(this.retry);
    this.meter.forget();
    this.become({ state: 'running' });
    this.fill();
  }

  private halt(next: QueueState) {
    clearTimeout(this.retry);
    for (const sending of this.active.values()) sending.stop();
    for (const id of this.active.keys()) {
      const photo = this.list.get(id);
      const kept = photo?.transfer.state === 'sending' ? { sentBytes: photo.transfer.sentBytes } : {};
      this.list.move(new Set([id]), { state: 'waiting', ...kept });
    }
    this.active.clear();
    this.become(next);
  }

  private fill() {
    for (const photo of this.list.all()) {
      if (this.active.size >= MAX_AT_ONCE) return;
      if (photo.transfer.state === 'waiting' && isWanted(photo) && !this.active.has(photo.id)) this.begin(photo);
    }
    if (this.active.size === 0) this.become({ state: 'idle' });
  }

  private begin(photo: Photo) {
    const { id } = photo;
    const only = new Set([id]);
    // of an attempt that was stopped nothing is heard any more
    const ifCurrent = (then: () => void) => () => {
      if (this.active.get(id) === sending) then();
    };
    this.list.move(only, { state: 'sending', sentBytes: sentBytes(photo) });
    const sending = this.sender.send(photo, {
      sent: (bytes) => ifCurrent(() => this.list.move(only, { state: 'sending', sentBytes: bytes }))(),
      looking: ifCurrent(() => this.list.move(only, { state: 'looking' })),
    });
    this.active.set(id, sending);
    sending.done.then(
      (sent) => ifCurrent(() => this.ended(id, () => this.list.move(only, { state: 'done', ...sent })))(),
      (thrown) => ifCurrent(() => this.failed(id, asApiError(thrown)))(),
    );
  }

  private ended(id: string, tell: () => void) {
    this.active.delete(id);
    tell();
    this.fill();
  }

  private failed(id: string, error: ApiError) {
    if (!HOLDING.includes(error.code)) {
      this.ended(id, () => this.list.move(new Set([id]), { state: 'failed', error }));
      return;
    }
    this.halt({ state: 'held', error });
    if (error.code === 'no_answer') this.retry = setTimeout(() => this.resume(), RETRY_MS);
  }

  /** Called often enough by who shows it. */
  measure(now: number) {
    const total = this.list.all().reduce((sum, photo) => sum + sentBytes(photo), 0);
    if (this.current.state === 'running') this.meter.note(total, now);
  }

  private become(next: QueueState) {
    this.current = next;
    for (const listener of this.listeners) listener();
  }
}
