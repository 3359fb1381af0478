// Logs prompts and completions when LOG_PROMPTS is on. No other code may log them.
import type { Log } from './log.ts';

/** Records prompts and completions. */
export interface Transcript {
  /** Records the body of a request: its bytes, or the event of a direct invoke. */
  asked(body: unknown): void;
  /** Records the generated texts of a request, complete or partial. */
  wrote(texts: readonly string[]): void;
}

/** Logs each part at once, so that the request is in the log even if the invocation never ends. */
export function createTranscript(log: Log): Transcript {
  return {
    asked: (body) =>
      log.info('Request body.', { body: body instanceof Uint8Array ? Buffer.from(body).toString() : body }),
    wrote: (texts) => log.info('Completions.', { texts }),
  };
}
