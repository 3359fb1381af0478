// The answer of POST /v1/chat/completions: OpenAI's chat completion object or its chunks.

import type { Timings } from '../../telemetry/timings.ts';
import { type AnswerIdentity, toSeconds } from '../completions/completion.ts';
import type { ChatLogprobs } from '../logprobs.ts';
import type { Usage } from '../usage.ts';

/** The reason why a choice ended: those of completions, or `tool_calls`. */
export type ChatFinishReason = 'stop' | 'length' | 'tool_calls';

export interface ChatToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    /** A string of JSON. */
    readonly arguments: string;
  };
}

export interface ChatChoice {
  readonly index: number;
  readonly message: {
    readonly role: 'assistant';
    readonly content: string | null;
    /** The thoughts that the model generated before its answer. */
    readonly reasoning_content?: string;
    readonly refusal: null;
    readonly annotations: readonly [];
    readonly tool_calls?: readonly ChatToolCall[];
  };
  readonly finish_reason: ChatFinishReason;
  /** The stop string that ended the text, by vLLM's name. */
  readonly stop_reason?: string;
  readonly logprobs: ChatLogprobs | null;
  readonly tokens?: readonly number[];
}

/** The addition of a chunk to the message. */
export interface ChatDelta {
  readonly role?: 'assistant';
  readonly content?: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly ToolCallDelta[];
}

/** The first delta of a call has its id and name. The following ones add to its arguments. */
interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: 'function';
  readonly function: { readonly name?: string; readonly arguments: string };
}

export interface ChatChunkChoice {
  readonly index: number;
  readonly delta: ChatDelta;
  readonly finish_reason: ChatFinishReason | null;
  /** The stop string that ended the text, by vLLM's name. */
  readonly stop_reason?: string;
  readonly logprobs: ChatLogprobs | null;
  readonly tokens?: readonly number[];
}

interface ChatHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

export interface ChatCompletion extends ChatHead {
  readonly object: 'chat.completion';
  readonly choices: readonly ChatChoice[];
  readonly usage: Usage;
  readonly timings: Timings;
}

export interface ChatChunk extends ChatHead {
  readonly object: 'chat.completion.chunk';
  readonly choices: readonly ChatChunkChoice[];
  readonly timings?: Timings;
  /**
   * Present if the request set `include_usage`: `null` in all chunks except the final one without choices.
   */
  readonly usage?: Usage | null;
}

export function toChatHead({ requestId, createdAt, model }: AnswerIdentity): ChatHead {
  return { id: `chatcmpl-${requestId}`, created: toSeconds(createdAt), model };
}
