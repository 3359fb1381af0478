// Converts the chunks of a streamed chat to Anthropic's events. https://platform.claude.com/docs/en/build-with-claude/streaming
import type { Timings } from '../../telemetry/timings.ts';
import type { ChatChunk, ChatChunkChoice, ChatDelta } from '../chat/chat-completion.ts';
import {
  type ContentBlock,
  type Message,
  type Stop,
  signature,
  toMessageHead,
  toStop,
  toTextBlock,
  toThinkingBlock,
  toToolUse,
  toUsage,
  type Usage,
  unstopped,
} from './message.ts';

type Delta =
  | { readonly type: 'text_delta'; readonly text: string }
  | { readonly type: 'thinking_delta'; readonly thinking: string }
  | { readonly type: 'signature_delta'; readonly signature: string }
  | { readonly type: 'input_json_delta'; readonly partial_json: string };

export type MessageEvent =
  | { readonly type: 'message_start'; readonly message: Message }
  | { readonly type: 'ping' }
  | { readonly type: 'content_block_start'; readonly index: number; readonly content_block: ContentBlock }
  | { readonly type: 'content_block_delta'; readonly index: number; readonly delta: Delta }
  | { readonly type: 'content_block_stop'; readonly index: number }
  | { readonly type: 'message_delta'; readonly delta: Stop; readonly usage: Usage }
  | { readonly type: 'message_stop' };

/** Converts the chunks of one choice, whose last chunk has the usage. */
export async function* toMessageEvents(
  chunks: AsyncGenerator<ChatChunk, void, void>,
): AsyncGenerator<MessageEvent, void, void> {
  const writer = new EventWriter();
  for await (const chunk of chunks) yield* writer.write(chunk);
}

/** One block is open at a time. Each has the next index. */
class EventWriter {
  /** The chunks before the first one with timings, which has the number of the prompt's tokens. */
  readonly #early: ChatChunk[] = [];
  #hasStarted = false;
  #open: ContentBlock['type'] | undefined;
  #index = -1;
  #stop: Stop = unstopped;

  *write(chunk: ChatChunk): Generator<MessageEvent, void, void> {
    const { timings, usage } = chunk;
    if (!this.#hasStarted && timings === undefined && !usage) {
      this.#early.push(chunk);
      return;
    }
    if (!this.#hasStarted) yield* this.#start(chunk, timings);
    for (const { choices } of [...this.#early.splice(0), chunk]) {
      for (const choice of choices) yield* this.#writeChoice(choice);
    }
    if (!usage) return;
    yield { type: 'message_delta', delta: this.#stop, usage: toUsage(usage) };
    yield { type: 'message_stop' };
  }

  *#start(chunk: ChatChunk, timings: Timings | undefined): Generator<MessageEvent, void, void> {
    this.#hasStarted = true;
    const usage: Usage = {
      input_tokens: timings?.prompt_n ?? 0,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: timings?.cache_n ?? 0,
      output_tokens: 0,
    };
    yield { type: 'message_start', message: { ...toMessageHead(chunk), content: [], ...unstopped, usage } };
    yield { type: 'ping' };
  }

  *#writeChoice(choice: ChatChunkChoice): Generator<MessageEvent, void, void> {
    yield* this.#writeDelta(choice.delta);
    if (choice.finish_reason === null) return;
    this.#stop = toStop(choice);
    yield* this.#closeBlock();
  }

  *#writeDelta(delta: ChatDelta): Generator<MessageEvent, void, void> {
    const { content, reasoning_content: thinking, tool_calls: calls = [] } = delta;
    if (thinking) {
      if (this.#open !== 'thinking') yield* this.#openBlock(toThinkingBlock('', ''));
      yield this.#add({ type: 'thinking_delta', thinking });
    }
    if (content) {
      if (this.#open !== 'text') yield* this.#openBlock(toTextBlock(''));
      yield this.#add({ type: 'text_delta', text: content });
    }
    for (const { id, function: called } of calls) {
      if (id !== undefined && called.name !== undefined)
        yield* this.#openBlock(toToolUse(id, called.name, {}));
      if (called.arguments !== '')
        yield this.#add({ type: 'input_json_delta', partial_json: called.arguments });
    }
  }

  *#openBlock(block: ContentBlock): Generator<MessageEvent, void, void> {
    yield* this.#closeBlock();
    this.#open = block.type;
    this.#index += 1;
    yield { type: 'content_block_start', index: this.#index, content_block: block };
  }

  *#closeBlock(): Generator<MessageEvent, void, void> {
    if (this.#open === undefined) return;
    if (this.#open === 'thinking') yield this.#add({ type: 'signature_delta', signature });
    this.#open = undefined;
    yield { type: 'content_block_stop', index: this.#index };
  }

  #add(delta: Delta): MessageEvent {
    return { type: 'content_block_delta', index: this.#index, delta };
  }
}
