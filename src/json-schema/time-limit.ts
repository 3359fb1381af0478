// Bounds the time of synchronous work on patterns and schemas that a stranger chose.
import { type Context, createContext, Script } from 'node:vm';

/** The work took longer than its limit. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

const script = new Script('work()');
let context: Context | undefined;

/**
 * Runs synchronous work. V8 ends it, matching of regular expressions included, when the time is up.
 *
 * @param limit in milliseconds
 * @throws {TimeLimitError} when the work takes longer
 */
export function withinTime<Result>(limit: number, work: () => Result): Result {
  context ??= createContext({});
  context.work = work;
  try {
    return script.runInContext(context, { timeout: limit }) as Result;
  } catch (error) {
    if ((error as { code?: unknown } | undefined)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new TimeLimitError(`The work took longer than ${limit} ms.`);
  } finally {
    context.work = undefined;
  }
}
