// An answer in chunks, and the formats in which the APIs send their chunks.
import type { RequestError } from '../errors/request-error.ts';

/** How an API writes a stream. */
export interface StreamFormat {
  readonly contentType: string;
  readonly write: (chunk: object) => string;
  /** Sent after the last chunk of a stream that did not fail. */
  readonly end: string;
  /** Writes an error that ends the stream, because the HTTP status has already been sent. */
  readonly fail: (error: RequestError) => string;
}

/** The content type of server-sent events. */
export const eventStreamType = 'text/event-stream; charset=utf-8';

/** Writes a server-sent event under the name of its type, as the APIs with typed events do. */
export function writeTypedEvent(event: { readonly type: string }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Chunks in another format than OpenAI's, which a plain generator has. */
export class StreamAnswer {
  readonly chunks: AsyncGenerator<object, void, void>;
  readonly format: StreamFormat;

  constructor(chunks: AsyncGenerator<object, void, void>, format: StreamFormat) {
    this.chunks = chunks;
    this.format = format;
  }
}

/**
 * Server-sent events in OpenAI's format: data without names, and a mark at the end.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export const openAiEvents: StreamFormat = {
  contentType: eventStreamType,
  write: (chunk) => `data: ${JSON.stringify(chunk)}\n\n`,
  end: 'data: [DONE]\n\n',
  fail: (error) => `event: error\ndata: ${JSON.stringify(error.toBody())}\n\n`,
};

/** Events without the mark at the end, as llama-server's own streams have them. */
export const unmarkedEvents: StreamFormat = { ...openAiEvents, end: '' };
