import { setTimeout as delay } from 'node:timers/promises';

const pollMilliseconds = 2;

/** Waits for a condition that another process or connection brings about, and leaves them the processor meanwhile. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(pollMilliseconds);
}
