// What is asked and answered, where LOG_PROMPTS lets it be logged. Nothing else takes prompts or texts to a log.
import type { Log } from './log.ts';

/** Takes note of prompts and completions. */
export interface Transcript {
  /** The body of a request: bytes, or a direct invoke's event. */
  asked(body: unknown): void;
  /** The texts that a request's generations wrote, each as far as it got. */
  wrote(texts: readonly string[]): void;
}

/** Logs each as soon as it is there, so that what an invocation is asked is known even if it never ends. */
export function createTranscript(log: Log): Transcript {
  return {
    asked: (body) =>
      log.info('Request body.', { body: body instanceof Uint8Array ? Buffer.from(body).toString() : body }),
    wrote: (texts) => log.info('Completions.', { texts }),
  };
}
