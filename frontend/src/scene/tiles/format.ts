/** The index of `scene.tiles`, as `docs/tiles.md` says. */

import { z } from 'zod';

const MAGIC = 'S3DTILES';
const VERSION = 1;
/** Magic, version, bytes of the index. */
export const HEADER_BYTES = 16;

const vec3 = z.tuple([z.number(), z.number(), z.number()]);
const quat = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const size2 = z.tuple([z.number(), z.number()]);
const count = z.int().nonnegative();
const spread = z.object({ min: z.number(), median: z.number(), p95: z.number(), max: z.number() });

const indexSchema = z.object({
  num_points: count,
  num_observations: count,
  upright_from_world: quat,
  cube: z.object({ min: vec3, size: z.number().positive() }),
  core: z.object({ center: vec3, extent: z.number().positive() }),
  grid: z.int().positive(),
  error_px: spread,
  track_length: spread,
  frustum_depth: z.number().positive(),
  cameras: z.array(
    z.object({ id: z.int(), model: z.string(), image_size: size2, focal: size2, principal_point: size2 }),
  ),
  images: z.array(
    z.object({ id: z.int(), name: z.string(), camera: count, rotation: quat, center: vec3, num_points: count }),
  ),
  nodes: z.array(
    z.object({
      path: z.string().regex(/^[0-7]*$/),
      num_points: count,
      at: count,
      bytes: count,
      tracks_at: count,
      tracks_bytes: count,
    }),
  ),
});

export type TilesIndex = z.infer<typeof indexSchema>;
export type TilesCamera = TilesIndex['cameras'][number];
export type TilesImage = TilesIndex['images'][number];
export type TilesNode = TilesIndex['nodes'][number];
export type Spread = z.infer<typeof spread>;

/** A file that is no `scene.tiles`, or one of another version. */
export class TilesError extends Error {
  override name = 'TilesError';
}

/** Bytes of the index, from the first bytes of the file. */
export function indexBytes(head: ArrayBuffer): number {
  const view = new DataView(head);
  const magic = head.byteLength < HEADER_BYTES ? '' : String.fromCharCode(...new Uint8Array(head, 0, 8));
  if (magic !== MAGIC) {
    throw new TilesError(`the file begins with “${magic}”, expected “${MAGIC}”: it is no scene.tiles`);
  }
  const version = view.getUint32(8, true);
  if (version !== VERSION) {
    throw new TilesError(
      `the file has version ${version}, expected ${VERSION}: run the reconstruction again with this version of scene3d`,
    );
  }
  return view.getUint32(12, true);
}

/** The index of its JSON. */
export function parseIndex(json: ArrayBuffer): TilesIndex {
  const parsed = indexSchema.safeParse(readJson(json));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new TilesError(`the index is damaged at ${issue?.path.join('.') ?? 'its root'}: ${issue?.message ?? ''}`);
  }
  const index = parsed.data;
  const stray = index.images.find((image) => image.camera >= index.cameras.length);
  if (stray) throw new TilesError(`the camera of image ${stray.name} is missing`);
  return index;
}

function readJson(json: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    throw new TilesError('the index is no JSON: the file is damaged or not whole');
  }
}
