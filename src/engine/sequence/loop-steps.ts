// Steps by the native loop, which goes from one to the next by itself (docs/decisions/0013).
import type { Clock } from '../clock.ts';
import type { GenerationRun } from './generation-run.ts';
import type { StepLoop } from './native-sequence.ts';
import type { Pace } from './pace.ts';
import type { Choice, EndOfGeneration } from './token-chooser.ts';

export interface LoopStepsParts {
  readonly loop: StepLoop;
  readonly vocabulary: EndOfGeneration;
  readonly pace: Pace;
  readonly clock: Clock;
}

export class LoopSteps {
  readonly #parts: LoopStepsParts;
  /** When the last step ended. */
  #steppedAt = 0;

  constructor(parts: LoopStepsParts) {
    this.#parts = parts;
  }

  /**
   * Takes one step behind those that were asked for before.
   *
   * @throws the signal's reason when aborted, after the step
   */
  async take(run: GenerationRun): Promise<readonly Choice[]> {
    const { loop, vocabulary, pace, clock } = this.#parts;
    const askedAt = clock.now();
    const token = await loop.step();
    const at = clock.now();
    // The step before it was counted already.
    pace.decoded(at - Math.max(askedAt, this.#steppedAt));
    this.#steppedAt = at;
    run.signal?.throwIfAborted();
    return [{ token, score: undefined, ends: vocabulary.isEndOfGeneration(token), at }];
  }

  /** Cancels the steps that have not started. */
  stop(): void {
    this.#parts.loop.stop();
  }
}
