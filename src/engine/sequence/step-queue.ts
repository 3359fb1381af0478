// The steps of one generation that were asked for and not read yet: one at a time through JavaScript, or several ahead by the
// native loop.
import type { Clock } from '../clock.ts';
import type { Token } from '../engine.ts';
import type { PromptLookup } from '../prompt/prompt-lookup.ts';
import { guessNext, takeStep } from './decode-step.ts';
import type { GenerationRun } from './generation-run.ts';
import { LoopSteps } from './loop-steps.ts';
import type { NativeSequence, Sampler } from './native-sequence.ts';
import type { Pace } from './pace.ts';
import type { SequenceState } from './sequence-state.ts';
import type { Choice, EndOfGeneration, TokenChooser } from './token-chooser.ts';

export interface StepQueueParts {
  readonly state: SequenceState;
  readonly native: Pick<NativeSequence<never>, 'decodeStarted'>;
  readonly vocabulary: EndOfGeneration;
  readonly sampler: Sampler;
  readonly chooser: TokenChooser;
  readonly lookup: PromptLookup;
  readonly pace: Pace;
  readonly clock: Clock;
}

/** Steps that the native loop is asked for at once: the one that runs, and the one that follows it without a pause. */
const loopAhead = 2;

export class StepQueue {
  readonly #run: GenerationRun;
  readonly #parts: StepQueueParts;
  readonly #pending: Promise<readonly Choice[]>[] = [];
  #loop: LoopSteps | undefined;

  /** @param first - the choice of the first token */
  constructor(run: GenerationRun, first: Promise<readonly Choice[]>, parts: StepQueueParts) {
    this.#run = run;
    this.#parts = parts;
    this.#add(first);
    // The prompt's last piece is evaluated meanwhile.
    parts.lookup.index();
  }

  /** Removes the oldest step, and resolves with what it chooses; undefined when no step is left. */
  async take(): Promise<readonly Choice[] | undefined> {
    const choices = await this.#pending.shift();
    for (const { token, ends } of choices ?? []) this.#parts.lookup.push(ends ? [] : [token]);
    return choices;
  }

  /**
   * Asks for the steps that may follow, as far as tokens and time allow, and resolves when they run without JavaScript.
   *
   * @param last - the tokens of the text that were chosen last
   */
  async fill(last: readonly Token[]): Promise<void> {
    const guess = guessNext(this.#run, this.#parts);
    if (guess.length > 0) {
      // A step with guesses follows the loop's, and by then other guesses may be better.
      if (this.#pending.length > 0) return;
      this.#loop = undefined;
    }
    while (this.#pending.length < (this.#loop ? loopAhead : 1) && this.#mayAsk(this.#pending.length)) {
      if (guess.length === 0) this.#loop ??= this.#openLoop(last);
      this.#add(this.#loop?.take(this.#run) ?? takeStep(this.#run, { last, guess }, this.#parts));
    }
    // JavaScript that runs beside a decode costs no time. The native loop starts its next one by itself.
    if (this.#loop === undefined && this.#pending.length > 0)
      await Promise.race([this.#parts.native.decodeStarted, ...this.#pending]).catch(() => {});
  }

  /** Cancels the steps that have not started, and waits for the others, which write to the sequence. */
  async close(): Promise<void> {
    this.#loop?.stop();
    await Promise.allSettled(this.#pending);
  }

  #add(step: Promise<readonly Choice[]>): void {
    // It may fail before anybody waits for it.
    step.catch(() => {});
    this.#pending.push(step);
  }

  #mayAsk(asked: number): boolean {
    const { deadline } = this.#run;
    if (!this.#run.mayContinue(asked)) return false;
    const expectedMs = this.#parts.pace.expectDecode() * (asked + 1);
    return asked === 0 ? !deadline.refuses(expectedMs) : deadline.fits(expectedMs);
  }

  /** Opens the native loop behind a token, where JavaScript has nothing to do between two tokens. */
  #openLoop(last: readonly Token[]): LoopSteps | undefined {
    const { state, sampler, vocabulary, pace, clock } = this.#parts;
    const [token] = last;
    if (this.#run.request.logprobs !== undefined) return undefined;
    if (token === undefined || last.length > 1) return undefined;
    const loop = sampler.openLoop(state.length, token, {
      onEvaluated: (each) => state.append(each),
      onFailed: () => state.invalidate(),
    });
    return loop && new LoopSteps({ loop, vocabulary, pace, clock });
  }
}
