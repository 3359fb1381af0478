// OpenAI's count of the tokens that a request cost.
import type { GenerationSummary } from '../engine/engine.ts';

/** Token counts of one request. */
export interface Usage {
  /** Each prompt once, however many choices were made of it. */
  readonly prompt_tokens: number;
  /** Of all that was generated, the ends of texts and what `best_of` dropped included. */
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  /** Where the model thinks. */
  readonly completion_tokens_details?: { readonly reasoning_tokens: number };
}

/** Of the generations of each prompt. */
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
