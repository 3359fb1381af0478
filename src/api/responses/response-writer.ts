// Converts the chunks of a chat to the events of a response, and collects its items.
import type { RequestError } from '../../errors/request-error.ts';
import type { Timings } from '../../telemetry/timings.ts';
import type { ChatChunk, ChatChunkChoice, ChatFinishReason } from '../chat/chat-completion.ts';
import { ContentLogprobs } from './content-logprobs.ts';
import { toItemId } from './input-items.ts';
import { type Response, type ResponseHead, toResponseError, toResponseUsage } from './response.ts';
import {
  type ItemEvent,
  type OpenItem,
  type OutputItem,
  openCall,
  openMessage,
  openReasoning,
  type TokenLogprobs,
} from './response-items.ts';

export interface ResponseEvent {
  readonly type: string;
  readonly sequence_number: number;
  readonly [field: string]: unknown;
}

/** The parts of a chunk that a response has too. */
export type ResponseChunk = Pick<ChatChunk, 'choices' | 'usage' | 'timings'>;

export interface ResponseOptions {
  /** Whether thoughts are the summaries of their items. */
  readonly asSummary: boolean;
}

export class ResponseWriter {
  #head: ResponseHead;
  readonly #options: ResponseOptions;
  readonly #output: OutputItem[] = [];
  #open: OpenItem | undefined;
  #events = 0;
  readonly #logprobs = new ContentLogprobs();
  #finishReason: ChatFinishReason | undefined;
  #usage: Response['usage'] = null;
  #timings: Timings | undefined;

  constructor(head: ResponseHead, options: ResponseOptions) {
    this.#head = head;
    this.#options = options;
  }

  /** The response so far, which has no unfinished items. */
  get response(): Response {
    const reason = this.#finishReason;
    const status = reason === undefined ? 'in_progress' : reason === 'length' ? 'incomplete' : 'completed';
    return this.#toResponse(status);
  }

  /** Returns the first events. */
  begin(): ResponseEvent[] {
    return ['response.created', 'response.in_progress'].map((type) =>
      this.#toEvent({ type, response: this.response }),
    );
  }

  /** Adds a chunk to the response. */
  take({ choices: [choice], usage, timings }: ResponseChunk): ResponseEvent[] {
    if (usage !== undefined && usage !== null) this.#usage = toResponseUsage(usage);
    if (choice === undefined) return [];
    if (choice.finish_reason !== null) {
      this.#finishReason = choice.finish_reason;
      this.#timings = timings;
    }
    return this.#takeDelta(choice);
  }

  /** Ends the last item, and returns its last events. The response is then complete. */
  close(): ResponseEvent[] {
    const events =
      this.#output.length === 0 && this.#open === undefined
        ? this.#begin(openMessage(this.#toId('msg')))
        : [];
    const isCut =
      this.#finishReason === 'length' || (this.#finishReason === 'stop' && this.#open?.kind === 'call');
    events.push(...this.#close(isCut ? 'incomplete' : 'completed'));
    return events;
  }

  /** Returns the last event. */
  end({ isStored }: { readonly isStored: boolean }): ResponseEvent {
    this.#head = { ...this.#head, store: isStored };
    const { response } = this;
    return this.#toEvent({ type: `response.${response.status}`, response });
  }

  /** Returns the events of a failure, which end the stream. Clients read the error in one of two places. */
  fail(error: RequestError): ResponseEvent[] {
    const { message, code, param } = error;
    const response = { ...this.#toResponse('failed'), store: false, error: toResponseError(error) };
    return [
      this.#toEvent({ type: 'error', code, message, param, ...error.toBody() }),
      this.#toEvent({ type: 'response.failed', response }),
    ];
  }

  #takeDelta({ delta, logprobs }: ChatChunkChoice): ResponseEvent[] {
    const { content, reasoning_content: thoughts, tool_calls: calls = [] } = delta;
    this.#logprobs.push(logprobs?.content ?? []);
    const events: ResponseEvent[] = [];
    if (thoughts !== undefined) {
      this.#logprobs.skip(thoughts);
      const { asSummary } = this.#options;
      events.push(...this.#ensure('reasoning', () => openReasoning(this.#toId('rs'), { asSummary })));
      events.push(...this.#add(thoughts));
    }
    // The first chunk of a chat has an empty content.
    if (content !== undefined && content !== '') {
      events.push(...this.#ensure('message', () => openMessage(this.#toId('msg'))));
      events.push(...this.#add(content, this.#logprobs.take(content)));
    }
    for (const { id, function: called } of calls) {
      this.#logprobs.clear();
      const { name } = called;
      if (id !== undefined && name !== undefined) {
        events.push(...this.#close('completed'));
        events.push(...this.#begin(openCall(this.#toId('fc'), { callId: id, name })));
      }
      if (called.arguments !== '') events.push(...this.#add(called.arguments));
    }
    return events;
  }

  /** Opens an item, unless one of its kind is open. */
  #ensure(kind: OpenItem['kind'], open: () => OpenItem): ResponseEvent[] {
    if (this.#open?.kind === kind) return [];
    return [...this.#close('completed'), ...this.#begin(open())];
  }

  #begin(item: OpenItem): ResponseEvent[] {
    this.#open = item;
    const added = { type: 'response.output_item.added', item: item.toItem('in_progress') };
    return this.#place([added, ...item.begin]);
  }

  #add(text: string, logprobs?: TokenLogprobs): ResponseEvent[] {
    return this.#open === undefined ? [] : this.#place([this.#open.add(text, logprobs)]);
  }

  #close(status: 'completed' | 'incomplete'): ResponseEvent[] {
    if (this.#open === undefined) return [];
    const item = this.#open.toItem(status);
    const events = this.#place([...this.#open.end(), { type: 'response.output_item.done', item }]);
    this.#output.push(item);
    this.#open = undefined;
    return events;
  }

  /** Adds the place of the open item to its events. */
  #place(events: readonly ItemEvent[]): ResponseEvent[] {
    const output_index = this.#output.length;
    return events.map((event) => this.#toEvent({ ...event, output_index }));
  }

  #toEvent(event: ItemEvent): ResponseEvent {
    const sequence_number = this.#events;
    this.#events += 1;
    return { ...event, sequence_number };
  }

  #toId(prefix: string): string {
    return toItemId(this.#head.id, prefix, this.#output.length + (this.#open === undefined ? 0 : 1));
  }

  #toResponse(status: Response['status']): Response {
    return {
      ...this.#head,
      status,
      error: null,
      incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
      output: [...this.#output],
      usage: this.#usage,
      ...(this.#timings !== undefined && { timings: this.#timings }),
    };
  }
}
