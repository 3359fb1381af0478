// One decode of a generation: evaluates the tokens that were chosen last, with guesses at those behind them, and chooses the
// next token, and one more behind each right guess.
import type { Clock } from '../clock.ts';
import type { Token } from '../engine.ts';
import { smallChunk } from '../prompt/prompt-chunks.ts';
import type { PromptLookup } from '../prompt/prompt-lookup.ts';
import type { GenerationRun } from './generation-run.ts';
import type { Pace } from './pace.ts';
import type { SequenceState } from './sequence-state.ts';
import type { Choice, TokenChooser } from './token-chooser.ts';

export interface DecodeStepParts {
  readonly state: SequenceState;
  readonly chooser: TokenChooser;
  readonly lookup: PromptLookup;
  readonly pace: Pace;
  readonly clock: Clock;
}

/**
 * Takes one step behind the tokens that were chosen last.
 *
 * @param guess the tokens that may follow them
 * @throws the signal's reason when aborted, after the step
 */
export async function takeStep(
  run: GenerationRun,
  { last, guess }: { readonly last: readonly Token[]; readonly guess: readonly Token[] },
  parts: DecodeStepParts,
): Promise<readonly Choice[]> {
  const { state, pace, clock } = parts;
  const startedAt = clock.now();
  const choices = await state.evaluate({
    tokens: [...last, ...guess],
    outputs: Array.from({ length: guess.length + 1 }, (_, index) => last.length - 1 + index),
    read: (outputs) => chooseWhileRight(outputs, guess, parts),
  });
  pace.decoded(clock.now() - startedAt);
  run.signal?.throwIfAborted();
  return choices;
}

/** Guesses the tokens that follow the text. Returns none where a step with guesses does not fit the time. */
export function guessNext(
  run: GenerationRun,
  { lookup, pace }: Pick<DecodeStepParts, 'lookup' | 'pace'>,
): readonly Token[] {
  const guess = lookup.guess(Math.max(0, run.request.maxTokens - run.completionTokens - 1));
  // A guess makes a step as long as a small piece of a prompt at most.
  return guess.length > 0 && run.deadline.fits(pace.expectPrefill(smallChunk)) ? guess : [];
}

async function chooseWhileRight(
  outputs: Uint32Array,
  guess: readonly Token[],
  { state, chooser, lookup }: DecodeStepParts,
): Promise<readonly Choice[]> {
  const choices: Choice[] = [];
  for (const [index, output] of outputs.entries()) {
    const choice = await chooser.choose(output);
    choices.push(choice);
    if (choice.ends || choice.token !== guess[index]) break;
  }
  state.removeLast(guess.length + 1 - choices.length, outputs[choices.length - 1]);
  lookup.learn(choices.length - 1, guess.length);
  return choices;
}
