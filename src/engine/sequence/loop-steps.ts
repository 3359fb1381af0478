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
  #isOver = false;

  constructor(parts: LoopStepsParts) {
    this.#parts = parts;
  }

  /** Whether the text goes on without its last token, so that no step can follow. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Takes one step behind those that were asked for before.
   *
   * @throws the signal's reason when aborted, after the step
   */
  async take(run: GenerationRun): Promise<readonly Choice[]> {
    const { loop, vocabulary, pace, clock } = this.#parts;
    const askedAt = clock.now();
    const { token, admitted } = await loop.step();
    const at = clock.now();
    // The step before it was counted already.
    pace.decoded(at - Math.max(askedAt, this.#steppedAt));
    this.#steppedAt = at;
    run.signal?.throwIfAborted();
    const ends = vocabulary.isEndOfGeneration(token);
    this.#isOver = admitted.length !== 1 || admitted[0] !== token;
    return [{ token, score: undefined, ends, admitted: ends ? [] : admitted, at }];
  }

  /** Cancels the steps that have not started. */
  stop(): void {
    this.#parts.loop.stop();
  }
}
