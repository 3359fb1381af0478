// The token counts of a request, in OpenAI's format.
import type { GenerationSummary } from '../engine/engine.ts';

/** Token counts of one request. */
export interface Usage {
  /** Counts each prompt once, independent of its number of choices. */
  readonly prompt_tokens: number;
  /**
   * Counts all generated tokens, including end-of-generation tokens and the choices that `best_of` dropped.
   */
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  /** Present for a model that thinks. */
  readonly completion_tokens_details?: { readonly reasoning_tokens: number };
}

/** Sums up the generations of each prompt. */
export function toUsage(prompts: readonly (readonly GenerationSummary[])[], reasoningTokens?: number): Usage {
  const sum = (pick: (first: GenerationSummary) => number) =>
    prompts.reduce((total, [first]) => total + (first === undefined ? 0 : pick(first)), 0);
  const promptTokens = sum(
    ({ cachedTokens, promptTokens, unevaluatedTokens }) => cachedTokens + promptTokens + unevaluatedTokens,
  );
  const completionTokens = prompts.flat().reduce((total, summary) => total + summary.completionTokens, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: sum(({ cachedTokens }) => cachedTokens) },
    ...(reasoningTokens !== undefined && {
      completion_tokens_details: { reasoning_tokens: reasoningTokens },
    }),
  };
}
