// How much of what a sequence holds a new prompt may reuse.
import { countCommon, type HeldTokens } from '../cache/conversation-cache.ts';
import type { CacheRule, Token } from '../engine.ts';
import { reusableTokens } from '../prompt/prompt-chunks.ts';

interface PromptToReuse {
  readonly tokens: readonly Token[];
  /** The lengths of the known prefixes that it begins with, rising. */
  readonly breaks: readonly number[];
}

/**
 * Decides how many of a prompt's first tokens need no evaluation. It is less than the prompt's length, because the last
 * token's logits choose the first generated token.
 */
type ReuseRule = (held: HeldTokens, prompt: PromptToReuse) => number;

/** Reuses all that both begin with, to the token. */
const reuseCommon: ReuseRule = ({ tokens }, prompt) =>
  Math.min(countCommon(tokens, prompt.tokens), prompt.tokens.length - 1);

/**
 * Reuses only prefilled tokens, and only up to where both prompts are cut, so that a text is the one that a cold start
 * generates (docs/decisions/0002).
 */
const reuseWholeBlocks: ReuseRule = ({ tokens, prefilled }, prompt) => {
  const { length } = prompt.tokens;
  const common = Math.min(countCommon(tokens, prompt.tokens), prefilled, length - 1);
  return reusableTokens(common, prefilled, { length, breaks: prompt.breaks });
};

export const reuseRules = { common: reuseCommon, exact: reuseWholeBlocks } as const satisfies Record<
  CacheRule,
  ReuseRule
>;
