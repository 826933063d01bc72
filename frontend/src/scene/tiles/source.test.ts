/** Ranges asked for by HTTP. */

import { expect, it, vi } from 'vitest';
import { httpSource } from './source';

const urls = { tiles: '/tiles', photo: (name: string, size: string) => `/photo/${name}/${size}` };
const bytes = new Uint8Array([0, 1, 2, 3, 4, 5]);

it('asks for a range and takes its bytes', async () => {
  const fetch = vi.fn(async (_url: string, _init?: RequestInit) => new Response(bytes.slice(2, 5), { status: 206 }));
  const read = await httpSource('job', urls, fetch).read(2, 5);
  expect([...new Uint8Array(read)]).toEqual([2, 3, 4]);
  expect(fetch.mock.calls[0]?.[0]).toBe('/tiles');
  expect(fetch.mock.calls[0]?.[1]?.headers).toEqual({ range: 'bytes=2-4' });
});

it('takes its part where it is answered with the whole file', async () => {
  const read = await httpSource('job', urls, async () => new Response(bytes)).read(2, 5);
  expect([...new Uint8Array(read)]).toEqual([2, 3, 4]);
});

it('asks for nothing where nothing is wanted', async () => {
  const fetch = vi.fn();
  expect((await httpSource('job', urls, fetch).read(7, 7)).byteLength).toBe(0);
  expect(fetch).not.toHaveBeenCalled();
});
