/** Server-sent events out of a body (HTML Living Standard 9.2.6), since `EventSource` sends no token. */

export interface ServerEvent {
  /** Number of the event; counts from 1 without gaps. */
  id: number;
  kind: string;
  /** JSON. */
  data: string;
}

/** Silence after which a connection counts as lost: the service says something every 15 s. */
const MAX_SILENCE_MS = 40_000;

/** The events of a stream, as they come. Ends with it; throws where it breaks off. */
export async function* serverEvents(body: ReadableStream<Uint8Array>, maxSilenceMs = MAX_SILENCE_MS) {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await within(maxSilenceMs, reader.read());
      if (done) return;
      const blocks = (rest + value).replaceAll('\r\n', '\n').split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = parsed(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function parsed(block: string): ServerEvent | undefined {
  const event: ServerEvent = { id: 0, kind: 'message', data: '' };
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') event.id = Number(value);
    if (field === 'event') event.kind = value;
    if (field === 'data') data.push(value);
  }
  // a comment keeps the connection and is no event
  return data.length > 0 ? { ...event, data: data.join('\n') } : undefined;
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the stream of events fell silent')), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
