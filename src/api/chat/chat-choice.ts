// Converts the events of one generation to a chat message, or to the chunks of a stream.
import { toArgumentsSchema } from '../../chat/call-syntax.ts';
import { type ChatPiece, ChatReader, type ChatReaderOptions } from '../../chat/chat-reader.ts';
import type { ChatTool } from '../../chat/conversation.ts';
import type { GenerationEvent, GenerationSummary, Token } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import { type Timings, toTimings } from '../../telemetry/timings.ts';
import { assertValid } from '../json-output.ts';
import { type ChatLogprobs, type ChatTokenLogprobs, type ToBytes, toChatLogprobs } from '../logprobs.ts';
import type { ChatChunkChoice, ChatDelta, ChatToolCall, ChatChoice as Choice } from './chat-completion.ts';
import type { ChatRequest } from './chat-request.ts';

export interface ChatChoiceOptions {
  readonly index: number;
  readonly request: ChatRequest;
  /** The tools that the model may call. */
  readonly tools: readonly ChatTool[];
  /** Whether the model must call one of them. */
  readonly mustCall: boolean;
  /** @throws {RequestError} `invalid_output` when a text that the model ended by itself is not valid */
  readonly assertContent: ((text: string) => void) | undefined;
  readonly reader: ChatReaderOptions;
  readonly thinks: boolean;
  readonly toBytes: ToBytes;
  readonly requestId: string;
}

/** Why a choice ended. */
type Finish = Pick<Choice, 'finish_reason' | 'stop_reason'>;

interface OpenCall {
  readonly name: string;
  arguments: string;
}

export class ChatChoice {
  readonly #options: ChatChoiceOptions;
  readonly #text: ChatReader;
  readonly #tokens: Token[] = [];
  /** Converted as they come: all of a long text at once would hold up other requests. */
  readonly #logprobs: ChatTokenLogprobs[] = [];
  readonly #calls: OpenCall[] = [];
  #content = '';
  #reasoning = '';
  #reasoningTokens = 0;
  #summary: GenerationSummary | undefined;

  constructor(options: ChatChoiceOptions) {
    this.#options = options;
    this.#text = new ChatReader(options.reader);
  }

  /** The number of tokens of thoughts. `undefined` for a model that does not think. */
  get reasoningTokens(): number | undefined {
    return this.#options.thinks ? this.#reasoningTokens : undefined;
  }

  /** The text of the answer so far. */
  get content(): string {
    return this.#content;
  }

  /** Whether the model has called a function, so that its results are what follows. */
  get isCalling(): boolean {
    return this.#calls.length > 0;
  }

  /** Adds an event of the generation to the message. Returns the additions. */
  take(event: GenerationEvent): readonly ChatPiece[] {
    if (event.type === 'prompt') return [];
    const wasThinking = this.#text.isThinking;
    const pieces = event.type === 'end' ? this.#text.end() : this.#text.push(event.text);
    for (const piece of pieces) this.#add(piece);
    if (event.type === 'text') {
      this.#tokens.push(...event.tokens.map(({ token }) => token));
      if (this.#options.request.logprobs)
        this.#logprobs.push(...toChatLogprobs(event.tokens, this.#options.toBytes));
      if (wasThinking || this.#text.isThinking) this.#reasoningTokens += event.tokens.length;
    } else {
      this.#summary = event.summary;
      this.#assertComplete(event.summary);
    }
    return pieces;
  }

  /** Returns the whole choice and the summary of its generation. */
  finish(): { choice: Choice; summary: GenerationSummary } {
    if (this.#summary === undefined) throw new Error('The generation ended without a summary.');
    const { index, request } = this.#options;
    const calls = this.#calls.map((call, place) => this.#toCall(call, place));
    return {
      choice: {
        index,
        message: {
          role: 'assistant',
          content: calls.length > 0 && this.#content === '' ? null : this.#content,
          ...(this.#reasoning !== '' && { reasoning_content: this.#reasoning }),
          refusal: null,
          annotations: [],
          ...(calls.length > 0 && { tool_calls: calls }),
        },
        ...this.#toFinish(this.#summary),
        logprobs: this.#toLogprobs(this.#logprobs),
        ...(request.return_tokens && { tokens: this.#tokens }),
      },
      summary: this.#summary,
    };
  }

  /** Returns the first chunk of a streamed choice. */
  toRoleChunk(): ChatChunkChoice {
    return {
      index: this.#options.index,
      delta: { role: 'assistant', content: '' },
      finish_reason: null,
      logprobs: null,
    };
  }

  /** Adds an event of the generation, and returns its chunks of the stream. */
  toChunks(event: GenerationEvent): { choices: [ChatChunkChoice]; timings?: Timings }[] {
    const known = this.#logprobs.length;
    const pieces = this.take(event);
    const { index, request } = this.#options;
    const deltas = pieces.flatMap((piece) => this.#toDelta(piece));
    const generated = event.type === 'text' ? event.tokens : [];
    // Tokens are sent even if their text is held back or dropped.
    const sendsTokens = generated.length > 0 && (request.logprobs || request.return_tokens);
    if (deltas.length === 0 && sendsTokens) deltas.push({});
    const chunks = deltas.map((delta, place): { choices: [ChatChunkChoice]; timings?: Timings } => ({
      choices: [
        {
          index,
          delta,
          finish_reason: null,
          logprobs:
            place === 0 && generated.length > 0 ? this.#toLogprobs(this.#logprobs.slice(known)) : null,
          ...(request.return_tokens && { tokens: place === 0 ? generated.map(({ token }) => token) : [] }),
        },
      ],
      ...(event.type === 'text' && event.progress && { timings: toTimings([event.progress]) }),
    }));
    if (event.type === 'end') {
      const finish = { index, delta: {}, ...this.#toFinish(event.summary), logprobs: null };
      chunks.push({ choices: [finish], timings: toTimings([event.summary]) });
    }
    return chunks;
  }

  #add(piece: ChatPiece): void {
    if (piece.type === 'content') this.#content += piece.text;
    else if (piece.type === 'reasoning') this.#reasoning += piece.text;
    else if (piece.type === 'call') this.#calls.push({ name: piece.name, arguments: '' });
    else {
      const call = this.#calls[piece.call];
      if (call !== undefined) call.arguments += piece.text;
    }
  }

  #toDelta(piece: ChatPiece): ChatDelta[] {
    switch (piece.type) {
      case 'content':
        return [{ content: piece.text }];
      case 'reasoning':
        return [{ reasoning_content: piece.text }];
      case 'call': {
        const { id, type } = this.#toCall({ name: piece.name, arguments: '' }, piece.call);
        return [
          { tool_calls: [{ index: piece.call, id, type, function: { name: piece.name, arguments: '' } }] },
        ];
      }
      case 'arguments':
        return [{ tool_calls: [{ index: piece.call, function: { arguments: piece.text } }] }];
      default:
        throw piece satisfies never;
    }
  }

  #toCall({ name, arguments: text }: Pick<OpenCall, 'name' | 'arguments'>, place: number): ChatToolCall {
    const id = `call_${this.#options.requestId.replaceAll('-', '')}_${this.#options.index}_${place}`;
    return { id, type: 'function', function: { name, arguments: text } };
  }

  #toFinish({ finishReason, stopped, stopString }: GenerationSummary): Finish {
    const isCut = finishReason === 'length' || (stopped && this.#text.isCalling);
    // A generation may have more stop strings than the request.
    const isAsked = stopString !== undefined && [this.#options.request.stop].flat().includes(stopString);
    return {
      finish_reason: this.#calls.length > 0 && !isCut ? 'tool_calls' : finishReason,
      ...(isAsked && { stop_reason: stopString }),
    };
  }

  #toLogprobs(content: readonly ChatTokenLogprobs[]): ChatLogprobs | null {
    return this.#options.request.logprobs ? { content, refusal: null } : null;
  }

  /** Validates the calls and the JSON of a text that the model ended by itself. */
  #assertComplete({ finishReason, stopped }: GenerationSummary): void {
    if (finishReason !== 'stop' || stopped) return;
    if (this.#text.isCalling) {
      throw new RequestError('invalid_output', 'The model ended its text within a function call. Try again.');
    }
    const { assertContent, tools, mustCall } = this.#options;
    if (mustCall && this.#calls.length === 0)
      throw new RequestError('invalid_output', 'The model called none of the functions. Try again.');
    for (const { name, arguments: text } of this.#calls) {
      const tool = tools.find((known) => known.function.name === name);
      if (tool === undefined)
        throw new RequestError('invalid_output', 'The model called an unknown function. Try again.');
      // Without `strict`, a call has what the grammar enforced.
      assertValid(
        tool.function.strict === true ? toArgumentsSchema(tool) : { type: 'object' },
        text,
        'tools',
      );
    }
    if (this.#calls.length === 0) assertContent?.(this.#content);
  }
}
