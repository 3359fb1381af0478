// Writes the chunks of a stream in the format of their API.
import { openAiEvents, StreamAnswer } from '../api/stream-answer.ts';
import { toRequestError } from '../errors/request-error.ts';
import type { HttpResponse } from './http.ts';

type Chunks = AsyncGenerator<object, void, void>;

export function isStream(content: object): content is Chunks | StreamAnswer {
  return content instanceof StreamAnswer || Symbol.asyncIterator in content;
}

/** Creates a streamed response. No proxy may cache it. */
export function toStreamResponse(
  content: Chunks | StreamAnswer,
  log: (error: unknown) => void,
  headers: Readonly<Record<string, string>>,
): HttpResponse<AsyncIterable<string>> {
  const stream = content instanceof StreamAnswer ? content : new StreamAnswer(content, openAiEvents);
  return {
    status: 200,
    headers: { 'content-type': stream.format.contentType, 'cache-control': 'no-store', ...headers },
    body: writeStream(stream, log),
  };
}

/**
 * Converts chunks to the texts of the answer's body. A failure goes to `log` and is written as the format's error, which
 * ends the stream, because the HTTP status has already been sent.
 */
async function* writeStream(
  { chunks, format }: StreamAnswer,
  log: (error: unknown) => void,
): AsyncGenerator<string, void, void> {
  try {
    for (;;) {
      // Catches only failures of the chunks, not an error that the reader throws into the `yield`.
      const step = await chunks.next().catch((error: unknown) => {
        log(error);
        return { done: 'failed', error } as const;
      });
      if (step.done === 'failed') {
        yield format.fail(toRequestError(step.error));
        return;
      }
      if (step.done) break;
      yield format.write(step.value);
    }
    if (format.end !== '') yield format.end;
  } finally {
    await chunks.return();
  }
}
