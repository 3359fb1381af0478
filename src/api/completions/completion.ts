// The answer of POST /v1/completions: OpenAI's legacy completion object, whole or in chunks, with llama-server's
// timings.
import type { FinishReason } from '../../engine/engine.ts';
import type { Timings } from '../../telemetry/timings.ts';
import type { CompletionLogprobs } from '../logprobs.ts';
import type { Usage } from '../usage.ts';

export interface CompletionChoice {
  readonly text: string;
  readonly index: number;
  /** `null` in chunks before the last of a choice. */
  readonly finish_reason: FinishReason | null;
  readonly logprobs: CompletionLogprobs | null;
  /** The generated tokens, where they were asked for. */
  readonly tokens?: readonly number[];
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

/** One event of a streamed answer. Text comes in the first ones, a finish reason and timings in the last of a choice. */
export interface CompletionChunk extends CompletionHead {
  readonly choices: readonly CompletionChoice[];
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

export function toCompletionHead({ requestId, createdAt, model }: AnswerIdentity): CompletionHead {
  return {
    id: `cmpl-${requestId}`,
    object: 'text_completion',
    created: toSeconds(createdAt),
    model,
  };
}

/** Seconds since 1970, as OpenAI tells times. */
export function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
