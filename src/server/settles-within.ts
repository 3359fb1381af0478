// Waits that have an end.
import { setTimeout as delay } from 'node:timers/promises';

/** Waits until a promise settles, and no longer than so many milliseconds. */
export async function settlesWithin(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  const timer = new AbortController();
  const timeout = delay(milliseconds, undefined, { signal: timer.signal }).catch(() => {});
  await Promise.race([promise, timeout]);
  timer.abort();
}
