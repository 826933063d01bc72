/** Streams of events, cut where networks cut them. */

import { expect, test } from 'vitest';
import { serverEvents } from './serverEvents';

function stream(parts: string[], isOpen = false): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      if (!isOpen) controller.close();
    },
  });
}

async function all(body: ReadableStream<Uint8Array>) {
  const events = [];
  for await (const event of serverEvents(body)) events.push(event);
  return events;
}

test('events come whole, wherever the stream is cut; comments are none', async () => {
  const parts = [
    'id: 1\nevent: st',
    'ate\ndata: {"a":1}\n',
    '\n: still here\n\nid: 2\nevent: log\r\ndata: one\ndata:two\r\n\r\n',
  ];
  expect(await all(stream(parts))).toEqual([
    { id: 1, kind: 'state', data: '{"a":1}' },
    { id: 2, kind: 'log', data: 'one\ntwo' },
  ]);
});

test('an event that was cut off is none', async () => {
  expect(await all(stream(['id: 1\nevent: state\ndata: {}\n\nid: 2\nevent: state\nda']))).toHaveLength(1);
});

test('a stream that falls silent is lost', async () => {
  const events = serverEvents(stream(['id: 1\ndata: {}\n\n'], true), 20);
  expect((await events.next()).value).toMatchObject({ id: 1, kind: 'message' });
  await expect(events.next()).rejects.toThrow('fell silent');
});
