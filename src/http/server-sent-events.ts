// Server-sent events as OpenAI's API sends them.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
import { type RequestError, toRequestError } from '../errors/request-error.ts';

/**
 * Turns chunks into events, and ends with `[DONE]`. A failure of the chunks is given to `log` and becomes an
 * `error` event that ends the stream, because the status has long been sent.
 */
export async function* toServerSentEvents(
  chunks: AsyncGenerator<object, void, void>,
  log: (error: unknown) => void,
): AsyncGenerator<string, void, void> {
  try {
    for (;;) {
      // Only here: what a reader that leaves throws into the `yield` is no failure of the chunks.
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
    yield 'data: [DONE]\n\n';
  } finally {
    await chunks.return();
  }
}

/** The last event of a stream that fails after its status was sent. */
export function toErrorEvent(error: RequestError): string {
  return `event: error\ndata: ${JSON.stringify(error.toBody())}\n\n`;
}
