/** Off the page's thread: a photo's sha256, EXIF and thumbnail. */

import { parse } from 'exifr';
import type { Exif, PhotoFacts } from './photo';

/** Thumbnails are shown at most this large, on screens with two pixels a point. */
const THUMBNAIL_PX = 320;

/** A question: look at this file. */
export interface Question {
  id: string;
  file: File;
}

/** What was seen; the thumbnail as bytes, of which the page makes a URL. */
export interface Answer {
  id: string;
  facts: Omit<PhotoFacts, 'thumbnail'>;
  thumbnail: Blob | undefined;
}

self.addEventListener('message', async ({ data: { id, file } }: MessageEvent<Question>) => {
  const [sha256, exif, seen] = await Promise.all([digest(file), exifOf(file), look(file)]);
  const facts: Answer['facts'] = { ...seen?.size };
  if (sha256) facts.sha256 = sha256;
  if (exif) facts.exif = exif;
  const answer: Answer = { id, facts, thumbnail: seen?.thumbnail };
  self.postMessage(answer);
});

/** Browsers compute none on pages that are not secure. */
async function digest(file: File): Promise<string | undefined> {
  if (!crypto.subtle) return undefined;
  const hash = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function look(file: File): Promise<{ size: { width: number; height: number }; thumbnail: Blob } | undefined> {
  let bitmap: ImageBitmap | undefined;
  try {
    bitmap = await createImageBitmap(file);
    const { width, height } = bitmap;
    const scale = Math.min(1, THUMBNAIL_PX / Math.max(width, height));
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
    const context = canvas.getContext('2d');
    if (!context) return undefined;
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return { size: { width, height }, thumbnail: await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 }) };
  } catch {
    // the server reads formats that browsers do not
    return undefined;
  } finally {
    bitmap?.close();
  }
}

async function exifOf(file: File): Promise<Exif | undefined> {
  try {
    const found = await parse(file, {
      pick: ['Make', 'Model', 'FocalLength', 'DateTimeOriginal'],
      reviveValues: false,
    });
    if (!found) return undefined;
    const exif: Exif = {};
    const camera = cameraName(found.Make, found.Model);
    if (camera) exif.camera = camera;
    if (typeof found.FocalLength === 'number') exif.focalMm = found.FocalLength;
    if (typeof found.DateTimeOriginal === 'string') exif.taken = rfc3339(found.DateTimeOriginal);
    return Object.keys(exif).length > 0 ? exif : undefined;
  } catch {
    return undefined;
  }
}

/** Many models begin with their maker's name. */
function cameraName(make: unknown, model: unknown): string | undefined {
  const [maker, name] = [make, model].map((text) => (typeof text === 'string' ? text.trim() : ''));
  if (!name) return maker || undefined;
  const first = maker?.split(' ')[0] ?? '';
  return name.toLowerCase().startsWith(first.toLowerCase()) ? name : `${first} ${name}`;
}

/** `2026:11:26 14:03:00`, as cameras write it. */
function rfc3339(exifTime: string): string {
  return exifTime.replace(/^(\d+):(\d+):(\d+) /, '$1-$2-$3T');
}
