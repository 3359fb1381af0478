import { performance } from 'node:perf_hooks';

/** A signal that is aborted when the time is up, in milliseconds of `performance.now()`; nothing where there is no end. */
export function toTimeUp(endBy: number | undefined): AbortSignal | undefined {
  if (endBy === undefined) return undefined;
  return AbortSignal.timeout(Math.max(0, Math.ceil(endBy - performance.now())));
}
