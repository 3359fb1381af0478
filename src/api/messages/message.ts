// The answer of POST /v1/messages, in Anthropic's format. https://platform.claude.com/docs/en/api/messages
import type { ChatChunkChoice, ChatCompletion, ChatFinishReason } from '../chat/chat-completion.ts';
import type { Usage as ChatUsage } from '../usage.ts';

export type ContentBlock =
  | { readonly type: 'text'; readonly text: string; readonly citations: null }
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | {
      readonly type: 'tool_use';
      readonly id: string;
      readonly name: string;
      readonly input: object;
      readonly caller: { readonly type: 'direct' };
    };

/** Token counts. The prompt's tokens are the sum of the three input counts. */
export interface Usage {
  readonly input_tokens: number;
  /** Always 0: nothing is charged for what the cache keeps. */
  readonly cache_creation_input_tokens: 0;
  readonly cache_read_input_tokens: number;
  readonly output_tokens: number;
  /** Present for a model that thinks, at the end of its answer. */
  readonly output_tokens_details?: { readonly thinking_tokens: number };
}

/** Why a message ended. `null` until then. */
export interface Stop {
  readonly stop_reason: 'end_turn' | 'max_tokens' | 'stop_sequence' | 'tool_use' | null;
  readonly stop_sequence: string | null;
  /** Those of a refusal, of which the server makes none. */
  readonly stop_details: null;
  /** Where Anthropic's own tools run. */
  readonly container: null;
}

export interface Message extends Stop {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  readonly model: string;
  readonly content: readonly ContentBlock[];
  readonly usage: Usage;
}

/** The signature of all thoughts. Clients send it back; the server signs and checks nothing. */
export const signature = 'unsigned';

export const unstopped: Stop = {
  stop_reason: null,
  stop_sequence: null,
  stop_details: null,
  container: null,
};

const stopReasons = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
} as const satisfies Record<ChatFinishReason, Stop['stop_reason']>;

/** Converts a whole chat completion, which has one choice. */
export function toMessage({ id, model, choices: [choice], usage }: ChatCompletion): Message {
  if (choice === undefined) throw new Error('The chat has no choice.');
  const { content, reasoning_content: thinking, tool_calls: calls = [] } = choice.message;
  return {
    ...toMessageHead({ id, model }),
    content: [
      ...(thinking === undefined ? [] : [toThinkingBlock(thinking, signature)]),
      ...(content === null || content === '' ? [] : [toTextBlock(content)]),
      ...calls.map(({ id, function: called }) => toToolUse(id, called.name, parseInput(called.arguments))),
    ],
    ...toStop(choice),
    usage: toUsage(usage),
  };
}

export function toMessageHead({ id, model }: Pick<ChatCompletion, 'id' | 'model'>) {
  return { id: id.replace(/^chatcmpl-/, 'msg_'), type: 'message', role: 'assistant', model } as const;
}

export function toTextBlock(text: string): ContentBlock {
  return { type: 'text', text, citations: null };
}

export function toThinkingBlock(thinking: string, signature: string): ContentBlock {
  return { type: 'thinking', thinking, signature };
}

export function toToolUse(id: string, name: string, input: object): ContentBlock {
  return {
    type: 'tool_use',
    id: id.replace(/^call_/, 'toolu_'),
    name,
    input,
    caller: { type: 'direct' },
  };
}

/** Parses the arguments of a call. Those of a call that was cut are no JSON, and become an empty object. */
function parseInput(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    return {};
  }
}

export function toStop({
  finish_reason: reason,
  stop_reason: sequence,
}: Pick<ChatChunkChoice, 'finish_reason' | 'stop_reason'>): Stop {
  if (sequence !== undefined) return { ...unstopped, stop_reason: 'stop_sequence', stop_sequence: sequence };
  return { ...unstopped, stop_reason: reason === null ? null : stopReasons[reason] };
}

export function toUsage({
  prompt_tokens: prompt,
  completion_tokens: output,
  prompt_tokens_details: { cached_tokens: cached },
  completion_tokens_details: details,
}: ChatUsage): Usage {
  return {
    input_tokens: prompt - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: output,
    ...(details && { output_tokens_details: { thinking_tokens: details.reasoning_tokens } }),
  };
}
