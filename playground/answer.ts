// An answer as it comes: each chunk of a stream adds to it.

interface Alternative {
  readonly text: string;
  /** From 0 to 1, before any sampling option. */
  readonly probability: number;
}

/** A generated token with the likeliest tokens at its place. */
export interface ScoredToken extends Alternative {
  readonly alternatives: readonly Alternative[];
}

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** A text of JSON. */
  readonly arguments: string;
}

/** llama-server's timings, as far as the page shows them. */
export interface Timings {
  readonly cache_n: number;
  readonly prompt_n: number;
  readonly prompt_ms: number;
  readonly predicted_n: number;
  readonly predicted_ms: number;
  readonly predicted_per_second: number;
}

export interface Answer {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
  readonly tokens: readonly ScoredToken[];
  readonly finishReason?: string;
  readonly timings?: Timings;
}

export const emptyAnswer: Answer = { text: '', reasoning: '', toolCalls: [], tokens: [] };

interface ChatToken {
  readonly token: string;
  readonly logprob: number;
  readonly top_logprobs?: readonly ChatToken[];
}

interface CompletionTokens {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly (number | null)[];
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
}

interface CallDelta {
  readonly index: number;
  readonly id?: string;
  readonly function: { readonly name?: string; readonly arguments?: string };
}

/** A chunk of a chat or of a completion. */
export interface Chunk {
  readonly choices: readonly {
    readonly text?: string;
    readonly delta?: {
      readonly content?: string;
      readonly reasoning_content?: string;
      readonly tool_calls?: readonly CallDelta[];
    };
    readonly finish_reason?: string | null;
    readonly logprobs?: { readonly content: readonly ChatToken[] } | CompletionTokens | null;
  }[];
  readonly timings?: Timings;
}

/** Adds a chunk to an answer. */
export function addChunk(answer: Answer, { choices: [choice], timings }: Chunk): Answer {
  const { text, delta, finish_reason: finishReason, logprobs } = choice ?? {};
  return {
    ...answer,
    text: answer.text + (text ?? delta?.content ?? ''),
    reasoning: answer.reasoning + (delta?.reasoning_content ?? ''),
    toolCalls: (delta?.tool_calls ?? []).reduce(addCall, answer.toolCalls),
    tokens: [...answer.tokens, ...toScoredTokens(logprobs)],
    ...(finishReason && { finishReason }),
    ...(timings && { timings }),
  };
}

function addCall(calls: readonly ToolCall[], { index, id, function: added }: CallDelta): readonly ToolCall[] {
  const { [index]: call = { id: '', name: '', arguments: '' } } = calls;
  const longer = {
    id: id ?? call.id,
    name: call.name + (added.name ?? ''),
    arguments: call.arguments + (added.arguments ?? ''),
  };
  return index < calls.length ? calls.with(index, longer) : [...calls, longer];
}

function toScoredTokens(logprobs: Chunk['choices'][number]['logprobs']): ScoredToken[] {
  if (!logprobs) return [];
  if ('content' in logprobs) {
    return logprobs.content.map((token) => ({
      ...toAlternative(token),
      alternatives: (token.top_logprobs ?? []).map(toAlternative),
    }));
  }
  return logprobs.tokens.map((text, index) => ({
    text,
    probability: Math.exp(logprobs.token_logprobs[index] ?? 0),
    alternatives: Object.entries(logprobs.top_logprobs[index] ?? {})
      .map(([token, logprob]) => toAlternative({ token, logprob }))
      .sort((one, other) => other.probability - one.probability),
  }));
}

function toAlternative({ token, logprob }: ChatToken): Alternative {
  return { text: token, probability: Math.exp(logprob) };
}
