// Generates text behind an evaluated prompt: takes step after step, and turns the chosen tokens into events.
import type { GenerationEvent, Token } from '../engine.ts';
import type { GeneratedText, TextPiece } from '../text/generated-text.ts';
import type { GenerationRun } from './generation-run.ts';
import type { StepQueue } from './step-queue.ts';
import type { Choice } from './token-chooser.ts';

/** What a step has added to the text. */
interface Addition {
  readonly pieces: readonly TextPiece[];
  /** The tokens of the step's last choice that are in the text. */
  readonly last: readonly Token[];
  /** Whether the text ends with it. */
  readonly isOver: boolean;
}

/**
 * Yields the prompt's scores where they are asked for, and the text. Steps still run when it yields; all have ended when it
 * returns, throws or is left.
 *
 * @throws the signal's reason when aborted, or an error when a step fails
 */
export async function* decode(
  run: GenerationRun,
  steps: StepQueue,
  text: GeneratedText,
): AsyncGenerator<GenerationEvent, void, void> {
  const { promptLogprobs, progress } = run.request;
  let isFirst = true;
  try {
    for (;;) {
      const choices = await steps.take();
      if (choices === undefined) break;
      const { pieces, last, isOver } = addChoices(run, text, choices);
      const summary = progress && run.toSummary();
      if (!isOver) await steps.fill(last);
      if (isFirst && promptLogprobs) yield { type: 'prompt', scores: run.promptScores };
      isFirst = false;
      for (const piece of pieces) {
        if (!isEmpty(piece)) yield { type: 'text', ...piece, ...(summary && { progress: summary }) };
      }
      if (isOver) break;
    }
  } finally {
    await steps.close();
  }
  run.stopString = text.stopString;
  if (text.stopped) run.finishReason = 'stop';
  const rest = text.flush();
  if (!isEmpty(rest)) yield { type: 'text', ...rest };
}

function addChoices(run: GenerationRun, text: GeneratedText, choices: readonly Choice[]): Addition {
  const pieces: TextPiece[] = [];
  let last: readonly Token[] = [];
  for (const { token, score, ends, at } of choices) {
    run.generated(at);
    if (ends) {
      text.end(token, score);
      run.finishReason = 'stop';
    }
    last = ends ? [] : [token];
    run.text.push(...last);
    pieces.push(...last.map((each) => text.push(each, score)));
    if (ends || text.stopped) return { pieces, last, isOver: true };
  }
  return { pieces, last, isOver: false };
}

function isEmpty({ text, tokens }: TextPiece): boolean {
  return text === '' && tokens.length === 0;
}
