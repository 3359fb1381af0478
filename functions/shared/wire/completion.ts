// The answer of POST /v1/completions: OpenAI's legacy completion object, whole or in chunks, with llama-server's
// timings.
import type { FinishReason, GenerationSummary } from '../engine/engine.ts';

/** Token counts of one request. */
interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

/** What llama-server reports: counts of tokens, milliseconds, and rates made from both. */
interface Timings {
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
}

interface CompletionChoice {
  readonly text: string;
  readonly index: number;
  readonly finish_reason: FinishReason;
  readonly logprobs: null;
}

/** What the whole answer and each of its chunks begin with. */
interface CompletionHead {
  readonly id: string;
  readonly object: 'text_completion';
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

export interface Completion extends CompletionHead {
  readonly choices: readonly CompletionChoice[];
  readonly usage: Usage;
  readonly timings: Timings;
}

/** One event of a streamed answer. Text comes in the first ones, the finish reason and the timings in the last. */
export interface CompletionChunk extends CompletionHead {
  readonly choices: readonly (Omit<CompletionChoice, 'finish_reason'> & {
    readonly finish_reason: FinishReason | null;
  })[];
  readonly timings?: Timings;
  /** Where usage was asked for: null in every chunk but one at the end, which has no choices. */
  readonly usage?: Usage | null;
}

/** What makes one answer different from another with the same text. */
export interface AnswerIdentity {
  /** Unique; goes into `id`. */
  readonly requestId: string;
  readonly createdAt: Date;
  readonly model: string;
}

export function toCompletion(text: string, summary: GenerationSummary, identity: AnswerIdentity): Completion {
  return {
    ...toHead(identity),
    choices: [{ text, index: 0, finish_reason: summary.finishReason, logprobs: null }],
    usage: toUsage(summary),
    timings: toTimings(summary),
  };
}

/** A chunk with the next piece of text. */
export function toTextChunk(text: string, identity: AnswerIdentity, includeUsage: boolean): CompletionChunk {
  return {
    ...toHead(identity),
    choices: [{ text, index: 0, finish_reason: null, logprobs: null }],
    ...(includeUsage && { usage: null }),
  };
}

/** The chunks that end a streamed answer. */
export function toFinalChunks(
  summary: GenerationSummary,
  identity: AnswerIdentity,
  includeUsage: boolean,
): CompletionChunk[] {
  const finish: CompletionChunk = {
    ...toHead(identity),
    choices: [{ text: '', index: 0, finish_reason: summary.finishReason, logprobs: null }],
    timings: toTimings(summary),
  };
  if (!includeUsage) return [finish];
  return [
    { ...finish, usage: null },
    { ...toHead(identity), choices: [], usage: toUsage(summary) },
  ];
}

function toHead({ requestId, createdAt, model }: AnswerIdentity): CompletionHead {
  return {
    id: `cmpl-${requestId}`,
    object: 'text_completion',
    created: Math.floor(createdAt.getTime() / 1000),
    model,
  };
}

function toUsage({ cachedTokens, promptTokens, completionTokens }: GenerationSummary): Usage {
  const allPromptTokens = cachedTokens + promptTokens;
  return {
    prompt_tokens: allPromptTokens,
    completion_tokens: completionTokens,
    total_tokens: allPromptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

function toTimings(summary: GenerationSummary): Timings {
  const { cachedTokens, promptTokens, promptMs, completionTokens, completionMs } = summary;
  // The first token is part of the prompt's time, so the rate of the others is over one fewer.
  const decoded = Math.max(0, completionTokens - 1);
  return {
    cache_n: cachedTokens,
    prompt_n: promptTokens,
    prompt_ms: promptMs,
    prompt_per_token_ms: ratio(promptMs, promptTokens),
    prompt_per_second: ratio(promptTokens * 1000, promptMs),
    predicted_n: completionTokens,
    predicted_ms: completionMs,
    predicted_per_token_ms: ratio(completionMs, decoded),
    predicted_per_second: ratio(decoded * 1000, completionMs),
  };
}

/** JSON has no infinity: nothing over nothing is 0. */
function ratio(numerator: number, denominator: number): number {
  return denominator > 0 ? numerator / denominator : 0;
}
