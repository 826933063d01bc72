/** A worker that unpacks nodes, as a function. */

import type { Unpack } from './NodeStore';
import type { NodePoints } from './payload';

type Answer = { id: number; points: NodePoints } | { id: number; error: string };

interface Waiting {
  resolve: (points: NodePoints) => void;
  reject: (error: Error) => void;
}

export interface Unpacker {
  unpack: Unpack;
  close: () => void;
}

export function startUnpacker(): Unpacker {
  const worker = new Worker(new URL('./unpacker.worker.ts', import.meta.url), { type: 'module' });
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  const failAll = (error: Error) => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    const order = waiting.get(data.id);
    waiting.delete(data.id);
    if ('points' in data) order?.resolve(data.points);
    else order?.reject(new Error(data.error));
  };
  worker.onerror = (event) => failAll(new Error(`the worker failed: ${event.message}`));
  return {
    unpack: (payload, numPoints) =>
      new Promise((resolve, reject) => {
        lastId += 1;
        waiting.set(lastId, { resolve, reject });
        worker.postMessage({ id: lastId, payload, numPoints }, [payload]);
      }),
    close() {
      worker.terminate();
      failAll(new Error('the worker was closed'));
    },
  };
}
