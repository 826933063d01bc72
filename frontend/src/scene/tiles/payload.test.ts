/** Bytes of a node as they are in the document, and as the card gets them. */

import { expect, it } from 'vitest';
import { errorPx, unpackNode } from './payload';

function payload(): ArrayBuffer {
  const words = [1, 2, 3, 65535, 5, 6, 512, 65535, 4, 300];
  const bytes = new Uint8Array(32);
  new Uint16Array(bytes.buffer, 0, 10).set(words);
  bytes.set([10, 20, 30, 40, 50, 60], 20);
  return bytes.buffer;
}

it('puts what belongs to a point together', () => {
  const { places, tints } = unpackNode(payload(), 2);
  expect([...places]).toEqual([1, 2, 3, 512, 65535, 5, 6, 65535]);
  expect([...tints]).toEqual([10, 20, 30, 4, 40, 50, 60, 255]);
});

it('knows an error from one that was never computed', () => {
  const points = unpackNode(payload(), 2);
  expect([errorPx(points, 0), errorPx(points, 1)]).toEqual([0.5, null]);
});

it('refuses bytes that are too few', () => {
  expect(() => unpackNode(new ArrayBuffer(25), 2)).toThrow(/2 points has 25 bytes, expected 26/);
});
