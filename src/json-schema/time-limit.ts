// Bounds the time of synchronous work on patterns and schemas that a stranger chose.
import { type Context, createContext, Script } from 'node:vm';

/** The work took longer than its limit. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
  /** In milliseconds. */
  readonly limit: number;

  constructor(limit: number) {
    super(`The work took longer than ${limit} ms.`);
    this.limit = limit;
  }
}

/** How often work starts anew that did not get the processor, each time with at most twice the time on the clock. */
const mostAttempts = 5;

/** Attempts that took this share of the limit together leave no time for another one. */
const spentShare = 0.9;

const script = new Script('work()');
let context: Context | undefined;

/** The time that this thread has had of the processor, in milliseconds. */
export function processorTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * Runs synchronous work within a time of the processor, because a busy machine must not refuse what an idle one takes. V8 only
 * knows the time on the clock: it ends work, which starts anew if it has had less of the processor. An attempt has as much time
 * as the rest of the limit lasts at the pace of the earlier ones. The work may not depend on what they have left behind.
 *
 * @param limit in milliseconds, for all attempts together
 * @throws {TimeLimitError} when the work takes longer
 */
export function withinTime<Result>(limit: number, work: () => Result): Result {
  const before = processorTime();
  let clockTime = limit;
  let passed = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      return withinClockTime(clockTime, work);
    } catch (error) {
      if (!(error instanceof TimeLimitError)) throw error;
      const taken = processorTime() - before;
      if (attempt === mostAttempts || taken >= spentShare * limit) throw new TimeLimitError(limit);
      passed += clockTime;
      const rest = ((limit - taken) * passed) / Math.max(taken, 1);
      clockTime = Math.max(1, Math.round(Math.min(2 * clockTime, rest)));
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
