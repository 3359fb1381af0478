// The answer of POST /v1/completions: OpenAI's completion object or its chunks, with llama-server's timings.
import type { FinishReason } from '../../engine/engine.ts';
import type { Timings } from '../../telemetry/timings.ts';
import type { CompletionLogprobs } from '../logprobs.ts';
import type { Usage } from '../usage.ts';

export interface CompletionChoice {
  readonly text: string;
  readonly index: number;
  /** `null` in all chunks of a choice except the last. */
  readonly finish_reason: FinishReason | null;
  /** The stop string that ended the text, by vLLM's name. */
  readonly stop_reason?: string;
  readonly logprobs: CompletionLogprobs | null;
  /** The generated tokens, if the request set `return_tokens`. */
  readonly tokens?: readonly number[];
}

/** The common fields of a completion and its chunks. */
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

/** One event of a stream. The last chunk of a choice has its finish reason and timings. */
export interface CompletionChunk extends CompletionHead {
  readonly choices: readonly CompletionChoice[];
  readonly timings?: Timings;
  /**
   * Present if the request set `include_usage`: `null` in all chunks except the final one without choices.
   */
  readonly usage?: Usage | null;
}

/** The fields that identify an answer. */
export interface AnswerIdentity {
  /** Unique. Becomes a part of `id`. */
  readonly requestId: string;
  readonly createdAt: Date;
  readonly model: string;
}

export function toCompletionHead({ requestId, createdAt, model }: AnswerIdentity): CompletionHead {
  return {
    id: `cmpl-${requestId}`,
    object: 'text_completion',
    created: toSeconds(createdAt),
    model,
  };
}

/** Converts a date to seconds since 1970, as in OpenAI's API. */
export function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
