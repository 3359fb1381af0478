// The parts of an answer, read from the chats and completions of OpenAI's API.

import { isJsonObject } from '../../json-schema/json-object.ts';
import type { Timings } from '../../telemetry/timings.ts';
import type { ChatChunk, ChatCompletion, ChatToolCall } from '../chat/chat-completion.ts';
import type { Completion, CompletionChunk } from '../completions/completion.ts';
import { type ChatLogprobs, type CompletionLogprobs, fromTokenText } from '../logprobs.ts';
import type { Usage } from '../usage.ts';

interface OllamaToolCall {
  readonly id: string;
  readonly function: {
    readonly index: number;
    readonly name: string;
    readonly arguments: Readonly<Record<string, unknown>>;
  };
}

interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** A piece of an answer, or all of it. */
export interface AnswerPart {
  readonly text: string;
  readonly thinking?: string;
  readonly calls?: readonly OllamaToolCall[];
  readonly logprobs?: readonly (TokenLogprob & { readonly top_logprobs: readonly TokenLogprob[] })[];
}

export interface AnswerEnd {
  readonly reason: 'stop' | 'length';
  readonly usage: Usage | undefined;
  readonly timings: Timings | undefined;
}

interface Cost {
  readonly usage?: Usage | null | undefined;
  readonly timings?: Timings | undefined;
}

/** A streamed answer has any number of parts, and an end. */
export type AnswerEvent = { readonly part: AnswerPart } | { readonly end: AnswerEnd };

type Answer<Chunk, Whole> = Whole | AsyncGenerator<Chunk, void, void>;

/** Reads a whole answer or a streamed one. */
export type ReadAnswer =
  | { readonly part: AnswerPart; readonly end: AnswerEnd }
  | AsyncGenerator<AnswerEvent, void, void>;

export function readChat(answer: Answer<ChatChunk, ChatCompletion>): ReadAnswer {
  if (Symbol.asyncIterator in answer) return readChatChunks(answer);
  const [choice] = answer.choices;
  const { content, reasoning_content: thinking, tool_calls = [] } = choice?.message ?? {};
  const calls = toCalls(tool_calls);
  const part = {
    text: content ?? '',
    ...(thinking !== undefined && { thinking }),
    ...(calls.length > 0 && { calls }),
    ...fromChatLogprobs(choice?.logprobs),
  };
  return { part, end: toEnd(choice?.finish_reason, answer) };
}

/** @param top how many of the likeliest tokens each place has */
export function readCompletion(answer: Answer<CompletionChunk, Completion>, top: number): ReadAnswer {
  if (Symbol.asyncIterator in answer) return readCompletionChunks(answer, top);
  const [choice] = answer.choices;
  const part = { text: choice?.text ?? '', ...fromCompletionLogprobs(choice?.logprobs, top) };
  return { part, end: toEnd(choice?.finish_reason, answer) };
}

/** Joins the pieces of each call, because Ollama sends a call whole. */
async function* readChatChunks(
  chunks: AsyncGenerator<ChatChunk, void, void>,
): AsyncGenerator<AnswerEvent, void, void> {
  const calls: { id: string; type: 'function'; function: { name: string; arguments: string } }[] = [];
  let finish: string | null | undefined;
  let cost: Cost = {};
  for await (const { choices, timings, usage } of chunks) {
    const [choice] = choices;
    finish = choice?.finish_reason ?? finish;
    cost = { timings: timings ?? cost.timings, usage: usage ?? cost.usage };
    const { content = '', reasoning_content: thinking = '', tool_calls = [] } = choice?.delta ?? {};
    for (const {
      index,
      id = '',
      function: { name = '', arguments: text },
    } of tool_calls) {
      const call = calls[index];
      if (call === undefined) calls[index] = { id, type: 'function', function: { name, arguments: text } };
      else call.function.arguments += text;
    }
    const logprobs = fromChatLogprobs(choice?.logprobs);
    if (content === '' && thinking === '' && logprobs.logprobs === undefined) continue;
    yield { part: { text: content, ...(thinking !== '' && { thinking }), ...logprobs } };
  }
  const whole = toCalls(calls);
  if (whole.length > 0) yield { part: { text: '', calls: whole } };
  yield { end: toEnd(finish, cost) };
}

async function* readCompletionChunks(
  chunks: AsyncGenerator<CompletionChunk, void, void>,
  top: number,
): AsyncGenerator<AnswerEvent, void, void> {
  let finish: string | null | undefined;
  let cost: Cost = {};
  for await (const { choices, timings, usage } of chunks) {
    const [choice] = choices;
    finish = choice?.finish_reason ?? finish;
    cost = { timings: timings ?? cost.timings, usage: usage ?? cost.usage };
    const part = { text: choice?.text ?? '', ...fromCompletionLogprobs(choice?.logprobs, top) };
    if (part.text !== '' || part.logprobs !== undefined) yield { part };
  }
  yield { end: toEnd(finish, cost) };
}

/** Ollama has no reason of its own for calls. */
function toEnd(finish: string | null | undefined, { usage, timings }: Cost): AnswerEnd {
  return { reason: finish === 'length' ? 'length' : 'stop', usage: usage ?? undefined, timings };
}

/** Leaves out a call that was cut within its arguments: they are objects in Ollama's API. */
function toCalls(calls: readonly ChatToolCall[]): OllamaToolCall[] {
  return calls.flatMap(({ id, function: { name, arguments: text } }, index) => {
    const parsed = parseArguments(text);
    return parsed === undefined ? [] : [{ id, function: { index, name, arguments: parsed } }];
  });
}

function parseArguments(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function fromChatLogprobs(logprobs: ChatLogprobs | null | undefined): Pick<AnswerPart, 'logprobs'> {
  return logprobs ? { logprobs: logprobs.content } : {};
}

/** A completion lists the generated token too, where it is none of the likeliest. */
function fromCompletionLogprobs(
  lists: CompletionLogprobs | null | undefined,
  top: number,
): Pick<AnswerPart, 'logprobs'> {
  if (!lists) return {};
  const logprobs = lists.tokens.flatMap((token, index) => {
    const logprob = lists.token_logprobs[index];
    if (typeof logprob !== 'number') return [];
    const likeliest = Object.entries(lists.top_logprobs[index] ?? {})
      .sort(([, one], [, other]) => other - one)
      .slice(0, top);
    return [{ ...toEntry(token, logprob), top_logprobs: likeliest.map((each) => toEntry(...each)) }];
  });
  return { logprobs };
}

function toEntry(token: string, logprob: number): TokenLogprob {
  return { token, logprob, bytes: [...fromTokenText(token)] };
}
