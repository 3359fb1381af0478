import { performance } from 'node:perf_hooks';

/**
 * A signal that aborts at a deadline.
 *
 * @param endBy - in milliseconds of `performance.now()`; without it there is no signal
 */
export function toTimeUp(endBy: number | undefined): AbortSignal | undefined {
  if (endBy === undefined) return undefined;
  return AbortSignal.timeout(Math.max(0, Math.ceil(endBy - performance.now())));
}

/** Waits for a promise, and no longer than until a signal aborts. Returns undefined when the signal aborts first. */
export async function untilAborted<Value>(
  promise: Promise<Value> | undefined,
  signal: AbortSignal | undefined,
): Promise<Value | undefined> {
  if (signal === undefined) return promise;
  if (signal.aborted) return undefined;
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const giveUp = () => resolve(undefined);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
