/** An open `scene.tiles`: its index at hand, the rest read when it is asked for. */

import { HEADER_BYTES, indexBytes, parseIndex, type TilesIndex } from './format';
import { buildOctree, type OctreeNode } from './octree';
import type { SceneSource } from './source';
import { OBSERVATION_BYTES, type Observation, parseObservations, parseRow, ROW_BYTES } from './track';

/** Holds the index of a usual scene. */
const FIRST_READ_BYTES = 64 << 10;

/** Of one point. */
export interface Track {
  id: bigint;
  observations: Observation[];
}

export class TilesFile {
  private constructor(
    readonly source: SceneSource,
    readonly index: TilesIndex,
    readonly root: OctreeNode | undefined,
    private readonly dataAt: number,
  ) {}

  static async open(source: SceneSource, signal?: AbortSignal): Promise<TilesFile> {
    const head = await source.read(0, FIRST_READ_BYTES, signal);
    const end = HEADER_BYTES + indexBytes(head);
    const rest = end > head.byteLength ? await source.read(head.byteLength, end, signal) : new ArrayBuffer(0);
    const index = parseIndex(joined(head, rest).slice(HEADER_BYTES, end));
    return new TilesFile(source, index, buildOctree(index), end);
  }

  /** What is drawn of a node. */
  readPayload(node: number, signal?: AbortSignal): Promise<ArrayBuffer> {
    const { at, bytes } = this.entry(node);
    return this.data(at, bytes, signal);
  }

  /** The track of point `point` of a node. */
  async readTrack(node: number, point: number, signal?: AbortSignal): Promise<Track> {
    const { tracks_at, num_points } = this.entry(node);
    const { id, first, count } = parseRow(await this.data(tracks_at + ROW_BYTES * point, ROW_BYTES, signal));
    const at = tracks_at + ROW_BYTES * num_points + OBSERVATION_BYTES * first;
    return { id, observations: parseObservations(await this.data(at, OBSERVATION_BYTES * count, signal)) };
  }

  private entry(node: number) {
    const entry = this.index.nodes[node];
    if (!entry) throw new RangeError(`there is no node ${node}`);
    return entry;
  }

  private async data(at: number, numBytes: number, signal?: AbortSignal): Promise<ArrayBuffer> {
    const start = this.dataAt + at;
    const bytes = await this.source.read(start, start + numBytes, signal);
    if (bytes.byteLength !== numBytes) {
      throw new RangeError(`the file ended: expected ${numBytes} bytes at ${start}, got ${bytes.byteLength}`);
    }
    return bytes;
  }
}

function joined(a: ArrayBuffer, b: ArrayBuffer): ArrayBuffer {
  if (b.byteLength === 0) return a;
  const both = new Uint8Array(a.byteLength + b.byteLength);
  both.set(new Uint8Array(a), 0);
  both.set(new Uint8Array(b), a.byteLength);
  return both.buffer;
}
