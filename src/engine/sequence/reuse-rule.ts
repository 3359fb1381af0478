// How much of what a sequence holds a new prompt may reuse.
import type { Token } from '../engine.ts';
import { reusableTokens } from '../prompt/prompt-chunks.ts';

/** What a sequence holds. */
interface HeldTokens {
  readonly tokens: readonly Token[];
  /** How many of them were evaluated as a prompt; the rest was generated, which llama.cpp rounds differently. */
  readonly prefilled: number;
}

interface PromptToReuse {
  readonly tokens: readonly Token[];
  /** The lengths of the known prefixes that it begins with, rising. */
  readonly breaks: readonly number[];
}

/**
 * Decides how many of a prompt's first tokens need no evaluation. It is less than the prompt's length, because the last
 * token's logits choose the first generated token.
 */
export type ReuseRule = (held: HeldTokens, prompt: PromptToReuse) => number;

/**
 * Reuses only prefilled tokens, and only up to where both prompts are cut, so that a text is the one that a cold start
 * generates (docs/decisions/0002).
 */
export const reuseWholeBlocks: ReuseRule = ({ tokens, prefilled }, prompt) => {
  const { length } = prompt.tokens;
  const limit = Math.min(prefilled, length - 1);
  let common = 0;
  while (common < limit && tokens[common] === prompt.tokens[common]) common++;
  return reusableTokens(common, prefilled, { length, breaks: prompt.breaks });
};
