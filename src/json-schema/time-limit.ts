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

/** How often work begins that does not get the processor. */
const mostAttempts = 3;

/** A pace may be misread, so an attempt is this much longer on the clock than the last one at most. */
const mostGrowth = 4;

/** An attempt that had this share of the limit has shown that the work takes longer. */
const wholeShare = 0.9;

const script = new Script('work()');
let context: Context | undefined;

/** The time that this thread has had of the processor, in milliseconds. */
export function processorTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * Runs synchronous work within a time of the processor, because a busy machine must not refuse what an idle one takes. V8 only
 * knows the time on the clock: it ends work, which starts anew if it has had less of the processor. A new attempt has the whole
 * limit, at the pace of the earlier ones. The work may not depend on what they have left behind.
 *
 * At a steady pace, all attempts together have at most twice the limit of the processor. On the clock they have at most
 * 21 times the limit, which holds the event loop.
 *
 * @param limit in milliseconds
 * @param clocks measure time and bound it
 * @throws {TimeLimitError} when the work takes longer
 */
export function withinTime<Result>(
  limit: number,
  work: () => Result,
  clocks = { processorTime, withinClockTime },
): Result {
  const before = clocks.processorTime();
  let clockTime = limit;
  let passed = 0;
  let taken = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      return clocks.withinClockTime(clockTime, work);
    } catch (error) {
      if (!(error instanceof TimeLimitError)) throw error;
      const takenBefore = taken;
      taken = clocks.processorTime() - before;
      if (attempt === mostAttempts || taken - takenBefore >= wholeShare * limit)
        throw new TimeLimitError(limit);
      passed += clockTime;
      const rest = Math.min(limit, 2 * limit - taken);
      const needed = (rest * passed) / Math.max(taken, 1);
      clockTime = Math.max(1, Math.round(Math.min(mostGrowth * clockTime, needed)));
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
