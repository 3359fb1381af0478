// States and keys of the archives' tests.
import { createHash } from 'node:crypto';

export function keyOf(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

/** Returns bytes that differ from each other and by `seed`. */
export function stateOf(length: number, seed = 0): Buffer {
  const state = Buffer.alloc(length);
  for (let index = 0; index < length; index += 1) state[index] = index * 31 + (index >> 8) + seed;
  return state;
}

/** Records warnings, and has a clock that only the test moves. */
export function recordWarnings(startedAt = Date.now()) {
  const warnings: string[] = [];
  const clock = { now: startedAt };
  return {
    warnings,
    clock,
    options: { warn: (message: string) => void warnings.push(message), now: () => clock.now },
  };
}
