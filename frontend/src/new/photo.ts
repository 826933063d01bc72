/** A file that was chosen to be uploaded, and what becomes of it. */

import type { ApiError } from '../api/problem';

/** What a name promises of its file. */
export type PhotoKind = 'image' | 'zip';

export interface Photo {
  /** Of this page; not the server's. */
  id: string;
  file: File;
  /** Below the folder that was dropped, `/`-separated; its name on the server. */
  path: string;
  kind: PhotoKind;
  /** What looking at it told; `undefined` until then. */
  facts?: PhotoFacts;
  /** Why it is not sent. */
  problem?: string;
  /** Path of a photo with the same bytes, which is sent instead. */
  duplicateOf?: string;
  transfer: Transfer;
}

/** What a photo's bytes tell. */
export interface PhotoFacts {
  /** Lower-case hex; none of ZIPs, and where the browser computes none. */
  sha256?: string;
  /** As shown: after the orientation is applied. */
  width?: number;
  height?: number;
  /** URL of a small JPEG; none where the browser can't decode it, which the server may. */
  thumbnail?: string;
  exif?: Exif;
}

export interface Exif {
  camera?: string;
  /** Millimetres. */
  focalMm?: number;
  /** RFC 3339 without a time zone, as cameras tell it. */
  taken?: string;
}

/** Where a photo is on its way. */
export type Transfer =
  | { state: 'idle' }
  /** With what an earlier attempt brought there, from where the next goes on. */
  | { state: 'waiting'; sentBytes?: number }
  | { state: 'sending'; sentBytes: number }
  /** It is there, and the server looks at it. */
  | { state: 'looking' }
  | { state: 'done'; images: readonly string[]; uploadId: string | undefined; numNotUsed: number }
  | { state: 'failed'; error: ApiError };

/** Whether a photo is one that should get to the server. */
export function isWanted(photo: Photo): boolean {
  return photo.problem === undefined && photo.duplicateOf === undefined;
}

/** Bytes of a photo that are on the server. */
export function sentBytes({ file, transfer }: Photo): number {
  switch (transfer.state) {
    case 'sending':
      return transfer.sentBytes;
    case 'waiting':
      return transfer.sentBytes ?? 0;
    case 'looking':
    case 'done':
      return file.size;
    default:
      return 0;
  }
}
