// Server-sent events in the format of OpenAI's API.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
import { UnmarkedStream } from '../api/unmarked-stream.ts';
import { type RequestError, toRequestError } from '../errors/request-error.ts';

/**
 * Converts chunks to events and ends with `[DONE]`, unless the stream is unmarked. A failure goes to `log` and becomes an `error` event that
 * ends the stream, because the HTTP status has already been sent.
 */
export async function* toServerSentEvents(
  stream: AsyncGenerator<object, void, void> | UnmarkedStream,
  log: (error: unknown) => void,
): AsyncGenerator<string, void, void> {
  const chunks = stream instanceof UnmarkedStream ? stream.chunks : stream;
  try {
    for (;;) {
      // Catches only failures of the chunks, not an error that the reader throws into the `yield`.
      const step = await chunks.next().catch((error: unknown) => {
        log(error);
        return { done: 'failed', error } as const;
      });
      if (step.done === 'failed') {
        yield toErrorEvent(toRequestError(step.error));
        return;
      }
      if (step.done) break;
      yield `data: ${JSON.stringify(step.value)}\n\n`;
    }
    if (stream === chunks) yield 'data: [DONE]\n\n';
  } finally {
    await chunks.return();
  }
}

/** Creates the last event of a stream that fails after its status was sent. */
export function toErrorEvent(error: RequestError): string {
  return `event: error\ndata: ${JSON.stringify(error.toBody())}\n\n`;
}
