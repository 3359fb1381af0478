// Runs work of the engine that has no events: it ends whole, or with the deadline.
import { toTimeUp } from '../engine/deadline.ts';
import { RequestError } from '../errors/request-error.ts';
import { translateEngineError } from './choices.ts';
import type { RequestContext } from './context.ts';

export interface WholeWork {
  /** What is evaluated one after the other. */
  readonly parts: 'questions' | 'texts';
  /** The tokens that the work uses, unless the engine refuses it. Default: the work counts them itself. */
  readonly tokens?: number;
}

/**
 * Runs work until it ends, the deadline passes or the client disconnects.
 *
 * @throws {RequestError} `deadline_exceeded` when the deadline passes, or when the engine refuses the work
 * @throws the signal's reason when aborted
 */
export async function untilDeadline<Answer>(
  run: (signal: AbortSignal) => Promise<Answer>,
  { signal, endBy, spend }: Pick<RequestContext, 'signal' | 'endBy' | 'spend'>,
  { parts, tokens = 0 }: WholeWork,
): Promise<Answer> {
  const timeUp = toTimeUp(endBy);
  let wasRefused = false;
  try {
    return await run(timeUp === undefined ? signal : AbortSignal.any([signal, timeUp]));
  } catch (error) {
    if (timeUp?.aborted && error === timeUp.reason)
      throw new RequestError(
        'deadline_exceeded',
        `The deadline passed before all ${parts} were evaluated. Send fewer ${parts}, or raise the timeout of the function.`,
      );
    const failure = translateEngineError(error);
    wasRefused = failure !== error;
    throw failure;
  } finally {
    if (!wasRefused) spend?.(tokens);
  }
}
