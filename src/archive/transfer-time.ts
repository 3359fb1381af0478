// Learns how long a place takes to hand over bytes: a delay, then a time for each byte.
import type { TransferEstimate } from '../engine/state-archive.ts';

/** The share of the newest observation. */
const weight = 0.25;

/** A smaller object tells more about the delay than about the rate. */
const leastBytes = 100_000;

export class TransferTime {
  #delayMs: number;
  #msPerByte: number;

  /** Begins with a guess: milliseconds, and bytes per millisecond. */
  constructor(guess: { readonly delayMs: number; readonly bytesPerMs: number }) {
    this.#delayMs = guess.delayMs;
    this.#msPerByte = 1 / guess.bytesPerMs;
  }

  /** Returns milliseconds. */
  expect(bytes: number): number {
    return this.#delayMs + bytes * this.#msPerByte;
  }

  learnDelay(ms: number): void {
    this.#delayMs += weight * (ms - this.#delayMs);
  }

  /** `ms` includes the delay. */
  learn(bytes: number, ms: number): void {
    if (bytes < leastBytes) return;
    this.#msPerByte += weight * (Math.max(0, ms - this.#delayMs) / bytes - this.#msPerByte);
  }
}

/** What both directions are expected to take, as they learn it. */
export function toEstimate(reading: TransferTime, writing: TransferTime): TransferEstimate {
  return { readMs: (bytes) => reading.expect(bytes), writeMs: (bytes) => writing.expect(bytes) };
}
