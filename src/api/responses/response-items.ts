// The items of a response, each with the events that write it into a stream.
// https://platform.openai.com/docs/api-reference/responses-streaming
import type { ChatLogprobs } from '../logprobs.ts';

type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

export type TokenLogprobs = ChatLogprobs['content'];

interface TextPart {
  readonly type: 'output_text';
  readonly text: string;
  readonly annotations: readonly [];
  readonly logprobs: TokenLogprobs;
}

type Thought<Type> = { readonly type: Type; readonly text: string };

interface MessageItem {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  readonly status: ItemStatus;
  readonly content: readonly TextPart[];
}

interface ReasoningItem {
  readonly id: string;
  readonly type: 'reasoning';
  readonly status: ItemStatus;
  readonly summary: readonly Thought<'summary_text'>[];
  /** Absent when the request asked for a summary. */
  readonly content?: readonly Thought<'reasoning_text'>[];
}

interface CallItem {
  readonly id: string;
  readonly type: 'function_call';
  readonly call_id: string;
  readonly name: string;
  /** A string of JSON. */
  readonly arguments: string;
  readonly status: ItemStatus;
}

export type OutputItem = MessageItem | ReasoningItem | CallItem;

/** An event within an item, without the item's place and the event's number. */
export interface ItemEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** An item that is being generated. */
export interface OpenItem {
  readonly kind: 'message' | 'reasoning' | 'call';
  /** The events between the item's own first event and its first addition. */
  readonly begin: readonly ItemEvent[];
  add(text: string, logprobs?: TokenLogprobs): ItemEvent;
  /** The events between the last addition and the item's own last event. */
  end(): readonly ItemEvent[];
  toItem(status: ItemStatus): OutputItem;
}

/** Opens a message with one part, the text. */
export function openMessage(id: string): OpenItem {
  const place = { item_id: id, content_index: 0 };
  let text = '';
  const logprobs: TokenLogprobs[number][] = [];
  const toPart = (): TextPart => ({ type: 'output_text', text, annotations: [], logprobs: [...logprobs] });
  const begin = [{ type: 'response.content_part.added', ...place, part: toPart() }];
  return {
    kind: 'message',
    begin,
    add: (delta, added = []) => {
      text += delta;
      logprobs.push(...added);
      return { type: 'response.output_text.delta', ...place, delta, logprobs: added };
    },
    end: () => [
      { type: 'response.output_text.done', ...place, text, logprobs },
      { type: 'response.content_part.done', ...place, part: toPart() },
    ],
    toItem: (status) => ({
      id,
      type: 'message',
      role: 'assistant',
      status,
      content: status === 'in_progress' ? [] : [toPart()],
    }),
  };
}

/** Opens thoughts. They are the content of their item, or its summary if the request asks for one. */
export function openReasoning(id: string, { asSummary }: { readonly asSummary: boolean }): OpenItem {
  const place = asSummary ? { item_id: id, summary_index: 0 } : { item_id: id, content_index: 0 };
  const part = asSummary ? 'response.reasoning_summary_part' : 'response.content_part';
  const event = asSummary ? 'response.reasoning_summary_text' : 'response.reasoning_text';
  let text = '';
  const toPart = () => ({ type: asSummary ? 'summary_text' : 'reasoning_text', text });
  const begin = [{ type: `${part}.added`, ...place, part: toPart() }];
  return {
    kind: 'reasoning',
    begin,
    add: (delta) => {
      text += delta;
      return { type: `${event}.delta`, ...place, delta };
    },
    end: () => [
      { type: `${event}.done`, ...place, text },
      { type: `${part}.done`, ...place, part: toPart() },
    ],
    toItem: (status) => {
      const isEmpty = status === 'in_progress';
      return {
        id,
        type: 'reasoning',
        status,
        summary: asSummary && !isEmpty ? [{ type: 'summary_text', text }] : [],
        ...(!asSummary && { content: isEmpty ? [] : [{ type: 'reasoning_text', text }] }),
      };
    },
  };
}

/** Opens a call of a function. */
export function openCall(
  id: string,
  { callId, name }: { readonly callId: string; readonly name: string },
): OpenItem {
  let text = '';
  return {
    kind: 'call',
    begin: [],
    add: (delta) => {
      text += delta;
      return { type: 'response.function_call_arguments.delta', item_id: id, delta };
    },
    end: () => [{ type: 'response.function_call_arguments.done', item_id: id, name, arguments: text }],
    toItem: (status) => ({
      id,
      type: 'function_call',
      status,
      call_id: callId,
      name,
      arguments: status === 'in_progress' ? '' : text,
    }),
  };
}
