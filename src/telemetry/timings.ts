// The timings of generations, in llama-server's format.
import type { GenerationSummary } from '../engine/engine.ts';

/** llama-server's `timings`: token counts, milliseconds and rates, summed over all generations. */
export interface Timings {
  /** Prompt tokens taken from the cache. */
  readonly cache_n: number;
  /** Prompt tokens evaluated. */
  readonly prompt_n: number;
  readonly prompt_ms: number;
  readonly prompt_per_token_ms: number;
  readonly prompt_per_second: number;
  /** Tokens generated. */
  readonly predicted_n: number;
  readonly predicted_ms: number;
  readonly predicted_per_token_ms: number;
  readonly predicted_per_second: number;
  /** Present when the deadline of the invocation ended a generation. */
  readonly deadline?: true;
}

export function toTimings(summaries: readonly GenerationSummary[]): Timings {
  const sum = (pick: (summary: GenerationSummary) => number) =>
    summaries.reduce((total, summary) => total + pick(summary), 0);
  const promptTokens = sum((summary) => summary.promptTokens);
  const promptMs = sum((summary) => summary.promptMs);
  const completionMs = sum((summary) => summary.completionMs);
  // The prompt's time includes the first token, so the rate counts one token less.
  const decoded = sum(({ completionTokens }) => Math.max(0, completionTokens - 1));
  return {
    cache_n: sum(({ cachedTokens }) => cachedTokens),
    prompt_n: promptTokens,
    prompt_ms: promptMs,
    prompt_per_token_ms: ratio(promptMs, promptTokens),
    prompt_per_second: ratio(promptTokens * 1000, promptMs),
    predicted_n: sum(({ completionTokens }) => completionTokens),
    predicted_ms: completionMs,
    predicted_per_token_ms: ratio(completionMs, decoded),
    predicted_per_second: ratio(decoded * 1000, completionMs),
    ...(summaries.some(({ deadline }) => deadline) && { deadline: true }),
  };
}

/** Returns 0 for a denominator of 0, because JSON has no infinity. */
function ratio(numerator: number, denominator: number): number {
  return denominator > 0 ? numerator / denominator : 0;
}
