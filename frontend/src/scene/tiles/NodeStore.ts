/** Nodes that were fetched: a few requests at once, those not wanted any more given up, the longest unused forgotten. */

import type { OctreeNode } from './octree';
import type { NodePoints } from './payload';
import type { TilesFile } from './TilesFile';

const MAX_REQUESTS = 6;
const MAX_ATTEMPTS = 3;
const FIRST_PAUSE_MS = 800;

export type Unpack = (payload: ArrayBuffer, numPoints: number) => Promise<NodePoints>;

interface Options {
  unpack: Unpack;
  /** Points that are kept. */
  maxPoints: number;
  onLoad: (node: OctreeNode, points: NodePoints) => void;
  onDrop: (node: OctreeNode) => void;
  /** Something may be tried again: another `update` does. */
  onLater: () => void;
  /** Something failed for good, or does no more. */
  onFailures: (count: number) => void;
}

export class NodeStore {
  private readonly loaded = new Map<OctreeNode, NodePoints>();
  private readonly underWay = new Map<OctreeNode, AbortController>();
  private readonly attempts = new Map<OctreeNode, { count: number; notBefore: number }>();
  private numPoints = 0;
  private numFailed = 0;
  private isClosed = false;

  constructor(
    private readonly file: TilesFile,
    private readonly options: Options,
  ) {}

  get numLoadedPoints(): number {
    return this.numPoints;
  }

  get isBusy(): boolean {
    return this.underWay.size > 0;
  }

  get(node: OctreeNode): NodePoints | undefined {
    return this.loaded.get(node);
  }

  /** What is drawn is kept, what is wanted is fetched in that order, other requests are given up. */
  update(draw: readonly OctreeNode[], want: readonly OctreeNode[]) {
    for (const node of draw) this.touch(node);
    const wanted = new Set(want);
    for (const [node, abort] of this.underWay) {
      if (!wanted.has(node)) abort.abort();
    }
    const now = Date.now();
    for (const node of want) {
      if (this.underWay.size >= MAX_REQUESTS) break;
      const earlier = this.attempts.get(node);
      const mayTry = !earlier || (earlier.count < MAX_ATTEMPTS && earlier.notBefore <= now);
      if (mayTry && !this.underWay.has(node) && !this.loaded.has(node)) void this.fetch(node);
    }
    this.forget(new Set(draw));
  }

  /** Tries again what failed. */
  retry() {
    this.attempts.clear();
    this.numFailed = 0;
    this.options.onFailures(0);
  }

  close() {
    this.isClosed = true;
    for (const abort of this.underWay.values()) abort.abort();
    for (const node of this.loaded.keys()) this.options.onDrop(node);
    this.loaded.clear();
  }

  private async fetch(node: OctreeNode) {
    const abort = new AbortController();
    this.underWay.set(node, abort);
    try {
      const payload = await this.file.readPayload(node.index, abort.signal);
      const points = await this.options.unpack(payload, node.numPoints);
      if (this.isClosed) return;
      this.loaded.set(node, points);
      this.numPoints += node.numPoints;
      this.underWay.delete(node);
      this.attempts.delete(node);
      this.options.onLoad(node, points);
    } catch {
      if (!abort.signal.aborted && !this.isClosed) this.failed(node);
    } finally {
      this.underWay.delete(node);
    }
  }

  private failed(node: OctreeNode) {
    const count = (this.attempts.get(node)?.count ?? 0) + 1;
    const pauseMs = FIRST_PAUSE_MS * 2 ** (count - 1);
    this.attempts.set(node, { count, notBefore: Date.now() + pauseMs });
    if (count < MAX_ATTEMPTS) {
      setTimeout(() => this.isClosed || this.options.onLater(), pauseMs);
      return;
    }
    this.numFailed += 1;
    this.options.onFailures(this.numFailed);
  }

  /** A map goes through its keys in the order in which they came. */
  private touch(node: OctreeNode) {
    const points = this.loaded.get(node);
    if (!points) return;
    this.loaded.delete(node);
    this.loaded.set(node, points);
  }

  private forget(drawn: ReadonlySet<OctreeNode>) {
    for (const node of this.loaded.keys()) {
      if (this.numPoints <= this.options.maxPoints) return;
      if (drawn.has(node)) continue;
      this.loaded.delete(node);
      this.numPoints -= node.numPoints;
      this.options.onDrop(node);
    }
  }
}
