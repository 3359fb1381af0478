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
