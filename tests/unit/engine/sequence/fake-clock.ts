import type { Clock } from '../../../../src/engine/clock.ts';

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #time = 1000;

  now(): number {
    return this.#time;
  }

  advance(milliseconds: number): void {
    this.#time += milliseconds;
  }
}
