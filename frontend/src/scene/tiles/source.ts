/** Where a scene comes from: bytes of its file, and its photos by name. */

export type PhotoSize = 'small' | 'large';

export interface SceneSource {
  /** Tells scenes apart; the same key is the same scene. */
  key: string;
  /** Bytes `start..end` of `scene.tiles`; fewer where the file ends. */
  read(start: number, end: number, signal?: AbortSignal): Promise<ArrayBuffer>;
  /** A picture of an image, long side 512 px (small) or 1600 px (large). */
  photo(name: string, size: PhotoSize, signal?: AbortSignal): Promise<Blob>;
}

type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** By range requests; `fetch` carries the token. */
export function httpSource(
  key: string,
  urls: { tiles: string; photo: (name: string, size: PhotoSize) => string },
  fetch: Fetch,
): SceneSource {
  return {
    key,
    async read(start, end, signal) {
      if (end <= start) return new ArrayBuffer(0);
      const headers = { range: `bytes=${start}-${end - 1}` };
      const answer = await fetch(urls.tiles, { headers, signal: signal ?? null });
      const bytes = await answer.arrayBuffer();
      // a proxy that knows no ranges answers with the whole file
      return answer.status === 206 ? bytes : bytes.slice(start, end);
    },
    async photo(name, size, signal) {
      const answer = await fetch(urls.photo(name, size), { signal: signal ?? null });
      return answer.blob();
    },
  };
}
