/** Photos looked at one after the other by a few workers; made when first needed, ended when nothing is left. */

import type { Answer, Question } from './inspect.worker';
import type { PhotoFacts } from './photo';

/** Each holds a decoded photo: more would be faster and need gigabytes. */
const MAX_WORKERS = 2;

type Told = (facts: PhotoFacts) => void;

/** Looks at files. */
export interface Inspector {
  look(id: string, file: File, told: Told): void;
  forget(id: string): void;
}

export class WorkerInspector implements Inspector {
  private waiting: { question: Question; told: Told }[] = [];
  private idle: Worker[] = [];
  private readonly busy = new Map<Worker, { question: Question; told: Told }>();

  look(id: string, file: File, told: Told) {
    this.waiting.push({ question: { id, file }, told });
    this.next();
  }

  /** Nobody is told of it any more. */
  forget(id: string) {
    this.waiting = this.waiting.filter(({ question }) => question.id !== id);
  }

  private next() {
    const task = this.waiting[0];
    if (!task) {
      if (this.busy.size === 0) this.dismiss();
      return;
    }
    const worker = this.idle.pop() ?? (this.busy.size < MAX_WORKERS ? this.hire() : undefined);
    if (!worker) return;
    this.waiting.shift();
    this.busy.set(worker, task);
    worker.postMessage(task.question);
  }

  private hire(): Worker {
    const worker = new Worker(new URL('./inspect.worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
      const { facts, thumbnail } = data;
      this.answered(worker, thumbnail ? { ...facts, thumbnail: URL.createObjectURL(thumbnail) } : facts);
    });
    // out of memory, say: the photo can be sent all the same
    worker.addEventListener('error', () => this.answered(worker, {}));
    return worker;
  }

  private answered(worker: Worker, facts: PhotoFacts) {
    const task = this.busy.get(worker);
    this.busy.delete(worker);
    this.idle.push(worker);
    task?.told(facts);
    this.next();
  }

  private dismiss() {
    for (const worker of this.idle) worker.terminate();
    this.idle = [];
  }
}
