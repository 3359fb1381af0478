// Asks the runtime, and another one where the first was ending already.
import { setTimeout as delay } from 'node:timers/promises';
import { RequestError } from '../errors/request-error.ts';
import { RuntimeExitedError } from './emulator-errors.ts';
import type { Runtime } from './runtime-link.ts';

export interface RuntimeSource {
  /** Brings the runtime as soon as it can answer. */
  readonly findRuntime: () => Promise<Runtime>;
  /** The time for one answer. */
  readonly timeoutSeconds: number;
}

/** A runtime that ends takes no more requests for a moment, until the kernel has closed its connection to the front. */
const retryMilliseconds = 10;

/**
 * Asks the runtime. Asks the next one when `ask` throws a {@link RuntimeExitedError} of a request that was not delivered.
 *
 * @throws whatever else `ask` or `findRuntime` throws
 */
export async function askRuntime<Answer>(
  { findRuntime, timeoutSeconds }: RuntimeSource,
  ask: (runtime: Runtime) => Promise<Answer>,
): Promise<Answer> {
  const retriesEndAt = performance.now() + timeoutSeconds * 1000;
  for (;;) {
    const runtime = await findRuntime();
    try {
      return await ask(runtime);
    } catch (error) {
      const isRetried = error instanceof RuntimeExitedError && !error.delivered;
      if (!isRetried || performance.now() > retriesEndAt) throw error;
    }
    await delay(retryMilliseconds);
  }
}

/** Of an answer that has not begun in time. */
export function toLateError(timeoutSeconds: number): RequestError {
  return new RequestError('deadline_exceeded', `There was no answer within ${timeoutSeconds} seconds.`);
}
