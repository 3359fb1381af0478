// Reads a stream of server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html

export interface ServerSentEvent {
  /** Absent for a plain event. */
  readonly name?: string;
  readonly data: string;
}

/** Splits text into events, however the network has cut it. An event that is not finished stays for the next piece. */
export class EventReader {
  #rest = '';

  push(piece: string): ServerSentEvent[] {
    const blocks = (this.#rest + piece).replaceAll('\r\n', '\n').split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.map(toEvent).filter(({ data }) => data !== '');
  }
}

function toEvent(block: string): ServerSentEvent {
  let name: string | undefined;
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^(\w+):? ?(.*)$/s.exec(line) ?? [];
    if (field === 'event') name = value;
    if (field === 'data') data.push(value);
  }
  return { ...(name !== undefined && { name }), data: data.join('\n') };
}

/** Yields the events of an answer as they come. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const events = new EventReader();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield* events.push(decoder.decode(value, { stream: true }));
  }
}
