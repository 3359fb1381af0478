// Whether there is time for one more step before a generation must have ended (docs/decisions/0007).
import type { Clock } from '../clock.ts';
import type { Pace } from './pace.ts';

export interface StepDeadlineParts {
  /** On the clock, in milliseconds. Undefined is never. */
  readonly endBy: number | undefined;
  readonly pace: Pace;
  readonly clock: Clock;
}

export class StepDeadline {
  readonly #parts: StepDeadlineParts;
  #hasRefused = false;

  constructor(parts: StepDeadlineParts) {
    this.#parts = parts;
  }

  /** Whether a step was refused, which ends the generation. */
  get hasRefused(): boolean {
    return this.#hasRefused;
  }

  /** Whether something that takes so long would end in time. */
  fits(milliseconds: number): boolean {
    const { endBy, clock } = this.#parts;
    return endBy === undefined || clock.now() + milliseconds <= endBy;
  }

  /** Refuses the next step, which takes so long, when it would end too late. */
  refuses(milliseconds: number): boolean {
    this.#hasRefused = !this.fits(milliseconds);
    if (this.#hasRefused) this.#parts.pace.refused();
    return this.#hasRefused;
  }
}
