// Bounds the time of synchronous work on patterns and schemas that a stranger chose.
import { type Context, createContext, Script } from 'node:vm';

/** The work took longer than its limit. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';

  constructor(limit: number) {
    super(`The work took longer than ${limit} ms.`);
  }
}

/** How often work starts anew that did not get the processor, each time with twice the time on the clock. */
const mostAttempts = 5;

/** Work that was ended with this share of its limit had the processor to itself. */
const ownShare = 0.9;

const script = new Script('work()');
let context: Context | undefined;

/** The time that this thread has had of the processor, in milliseconds. */
export function processorTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * Runs synchronous work within a time of the processor, because a busy machine must not refuse what an idle one takes. V8 only
 * knows the time on the clock: it ends work, which starts anew with more time if it has had less of the processor. The work
 * may therefore not depend on what an earlier attempt has left behind.
 *
 * @param limit in milliseconds
 * @throws {TimeLimitError} when the work takes longer
 */
export function withinTime<Result>(limit: number, work: () => Result): Result {
  for (let attempt = 1; ; attempt++) {
    const before = processorTime();
    try {
      return withinClockTime(limit * 2 ** (attempt - 1), work);
    } catch (error) {
      if (!(error instanceof TimeLimitError)) throw error;
      if (attempt === mostAttempts || processorTime() - before >= ownShare * limit)
        throw new TimeLimitError(limit);
    }
  }
}

/**
 * Runs synchronous work. V8 ends it, matching of regular expressions included, when the time is up.
 *
 * @param limit in milliseconds
 * @throws {TimeLimitError} when the work takes longer
 */
export function withinClockTime<Result>(limit: number, work: () => Result): Result {
  context ??= createContext({});
  context.work = work;
  try {
    return script.runInContext(context, { timeout: limit }) as Result;
  } catch (error) {
    if ((error as { code?: unknown } | undefined)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new TimeLimitError(limit);
  } finally {
    context.work = undefined;
  }
}
