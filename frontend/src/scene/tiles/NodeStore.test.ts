/** Nodes come, are given up, are forgotten, are tried again. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSurface } from '../fixtures/scene';
import { NodeStore } from './NodeStore';
import type { OctreeNode } from './octree';
import { unpackNode } from './payload';
import type { TilesFile } from './TilesFile';

const unpack = async (payload: ArrayBuffer, numPoints: number) => unpackNode(payload, numPoints);

function flat(node: OctreeNode): OctreeNode[] {
  return [node, ...node.children.flatMap(flat)];
}

async function setUp(maxPoints: number) {
  const file = await openSurface();
  const nodes = file.root ? flat(file.root).filter(({ numPoints }) => numPoints > 0) : [];
  const events = { onLoad: vi.fn(), onDrop: vi.fn(), onLater: vi.fn(), onFailures: vi.fn() };
  return { file, nodes, events, store: new NodeStore(file, { unpack, maxPoints, ...events }) };
}

/** A file whose reads wait until they are let go. */
function slow(file: TilesFile) {
  const signals: AbortSignal[] = [];
  const waiting: (() => void)[] = [];
  vi.spyOn(file, 'readPayload').mockImplementation(
    (_, signal) =>
      new Promise((resolve, reject) => {
        if (signal) signals.push(signal);
        signal?.addEventListener('abort', () => reject(signal.reason));
        waiting.push(() => resolve(new ArrayBuffer(1 << 20)));
      }),
  );
  return { signals, waiting };
}

beforeEach(() => vi.useFakeTimers({ now: 0 }));
afterEach(() => vi.useRealTimers());

describe('NodeStore', () => {
  it('fetches what is wanted once', async () => {
    const { store, nodes, events } = await setUp(1e6);
    store.update([], nodes);
    store.update([], nodes);
    await vi.waitFor(() => expect(store.isBusy).toBe(false));
    store.update([], nodes);
    await vi.waitFor(() => expect(events.onLoad).toHaveBeenCalledTimes(nodes.length));
    expect(store.numLoadedPoints).toBe(1500);
    expect(nodes.every((node) => store.get(node)?.numPoints === node.numPoints)).toBe(true);
  });

  it('asks for six at once, and gives up what is not wanted any more', async () => {
    const { store, file, nodes } = await setUp(1e6);
    const many = Array.from({ length: 9 }, (_, i) => ({ ...nodes[0], index: i }) as OctreeNode);
    const { signals } = slow(file);
    store.update([], many);
    expect(signals).toHaveLength(6);
    store.update([], many.slice(4));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true, true, false, false]);
    await vi.advanceTimersByTimeAsync(0);
    store.update([], many.slice(4));
    expect(signals).toHaveLength(9);
  });

  it('forgets what was unused longest, never what is drawn', async () => {
    const { store, file, nodes, events } = await setUp(250);
    const many = [1, 2, 3, 4].map((index) => ({ ...nodes[0], index, numPoints: 100 }) as OctreeNode);
    vi.spyOn(file, 'readPayload').mockResolvedValue(new ArrayBuffer(1300));
    store.update([], many);
    await vi.waitFor(() => expect(events.onLoad).toHaveBeenCalledTimes(4));
    const [first, second, third, fourth] = many as [OctreeNode, OctreeNode, OctreeNode, OctreeNode];
    store.update([first], []);
    expect(events.onDrop.mock.calls.flat()).toEqual([second, third]);
    expect([first, fourth].every((node) => store.get(node))).toBe(true);
    expect(store.numLoadedPoints).toBe(200);
  });

  it('tries thrice with growing pauses, tells, and begins anew when asked', async () => {
    const { store, file, nodes, events } = await setUp(1e6);
    const read = vi.spyOn(file, 'readPayload').mockRejectedValue(new Error('offline'));
    const [node] = nodes as [OctreeNode];
    for (const [at, attempts] of [
      [0, 1],
      [700, 1],
      [900, 2],
      [2000, 2],
      [2600, 3],
      [60_000, 3],
    ] as const) {
      await vi.advanceTimersByTimeAsync(at - Date.now());
      store.update([], [node]);
      await vi.advanceTimersByTimeAsync(0);
      expect(read).toHaveBeenCalledTimes(attempts);
    }
    expect(events.onFailures.mock.lastCall).toEqual([1]);
    expect(events.onLater).toHaveBeenCalledTimes(2);
    read.mockRestore();
    store.retry();
    expect(events.onFailures.mock.lastCall).toEqual([0]);
    store.update([], [node]);
    await vi.waitFor(() => expect(store.get(node)).toBeDefined());
  });

  it('gives everything back when it is closed', async () => {
    const { store, nodes, events } = await setUp(1e6);
    store.update([], nodes.slice(0, 2));
    await vi.waitFor(() => expect(events.onLoad).toHaveBeenCalledTimes(2));
    store.close();
    expect(events.onDrop).toHaveBeenCalledTimes(2);
  });
});
