// Converts the events of one generation to a choice of a completion, or to the chunks of a stream.
import type { GenerationEvent, GenerationSummary, Token } from '../../engine/engine.ts';
import { type Timings, toTimings } from '../../telemetry/timings.ts';
import {
  type CompletionLogprobs,
  CompletionLogprobsWriter,
  joinLogprobs,
  type ToBytes,
  toPromptLogprobs,
} from '../logprobs.ts';
import type { CompletionChoice as Choice } from './completion.ts';
import type { CompletionRequest } from './completion-request.ts';

export interface CompletionChoiceOptions {
  readonly index: number;
  readonly prompt: readonly Token[];
  /** The echoed prompt, or empty. */
  readonly prefix: string;
  readonly request: CompletionRequest;
  readonly toBytes: ToBytes;
  /** @throws when a text that the model ended by itself does not match the schema */
  readonly assertValid: ((text: string) => void) | undefined;
}

export class CompletionChoice {
  readonly #options: CompletionChoiceOptions;
  readonly #logprobs: CompletionLogprobsWriter;
  readonly #parts: CompletionLogprobs[] = [];
  readonly #tokens: Token[] = [];
  #text = '';
  #logprobSum = 0;
  #scored = 0;
  #hasStarted = false;
  #summary: GenerationSummary | undefined;

  constructor(options: CompletionChoiceOptions) {
    this.#options = options;
    this.#logprobs = new CompletionLogprobsWriter(options.toBytes, options.prefix);
  }

  /** Adds an event of the generation to the choice. */
  take(event: GenerationEvent): void {
    if (event.type === 'end') {
      const { finishReason, stopped } = event.summary;
      if (finishReason === 'stop' && !stopped) this.#options.assertValid?.(this.#text);
      this.#summary = event.summary;
      return;
    }
    const logprobs = this.#toLogprobs(event);
    if (logprobs !== undefined) this.#parts.push(logprobs);
    if (event.type === 'prompt') return;
    this.#text += event.text;
    this.#tokens.push(...event.tokens.map(({ token }) => token));
    for (const { score } of event.tokens) {
      if (score === undefined) continue;
      this.#logprobSum += score.logprob;
      this.#scored += 1;
    }
  }

  /** Returns the whole choice, the summary of its generation, and the mean log-probability of its tokens. */
  finish(): { choice: Choice; summary: GenerationSummary; meanLogprob: number } {
    if (this.#summary === undefined) throw new Error('The generation ended without a summary.');
    const { index, prefix, request } = this.#options;
    return {
      choice: {
        text: prefix + this.#text,
        index,
        ...toFinish(this.#summary),
        logprobs: request.logprobs === undefined ? null : joinLogprobs(this.#parts),
        ...(request.return_tokens && { tokens: this.#tokens }),
      },
      summary: this.#summary,
      meanLogprob: this.#scored === 0 ? Number.NEGATIVE_INFINITY : this.#logprobSum / this.#scored,
    };
  }

  /** Adds an event of the generation, and returns its chunks of the stream. */
  toChunks(event: GenerationEvent): { choices: [Choice]; timings?: Timings }[] {
    this.take(event);
    const { request } = this.#options;
    // The echoed prompt is part of the first chunk.
    const prefix = this.#hasStarted ? '' : this.#options.prefix;
    this.#hasStarted = true;
    if (event.type === 'prompt') return [{ choices: [this.#toChunkChoice(prefix, this.#parts.splice(0))] }];
    if (event.type === 'end') {
      const finish = { ...this.#toChunkChoice(prefix, []), ...toFinish(event.summary) };
      return [{ choices: [finish], timings: toTimings([event.summary]) }];
    }
    const tokens = event.tokens.map(({ token }) => token);
    const text = prefix + event.text;
    if (text === '' && request.logprobs === undefined && !request.return_tokens) return [];
    return [
      {
        choices: [this.#toChunkChoice(text, this.#parts.splice(0), tokens)],
        ...(event.progress && { timings: toTimings([event.progress]) }),
      },
    ];
  }

  #toChunkChoice(text: string, parts: readonly CompletionLogprobs[], tokens: readonly Token[] = []): Choice {
    const { index, request } = this.#options;
    return {
      text,
      index,
      finish_reason: null,
      logprobs: request.logprobs === undefined || parts.length === 0 ? null : joinLogprobs(parts),
      ...(request.return_tokens && { tokens }),
    };
  }

  #toLogprobs(event: GenerationEvent): CompletionLogprobs | undefined {
    const { prompt, prefix, request, toBytes } = this.#options;
    if (request.logprobs === undefined || event.type === 'end') return undefined;
    if (event.type === 'prompt') return toPromptLogprobs(prompt, event.scores, prefix, toBytes);
    return this.#logprobs.write(event.tokens, event.text);
  }
}

function toFinish({
  finishReason,
  stopString,
}: GenerationSummary): Pick<Choice, 'finish_reason' | 'stop_reason'> {
  return { finish_reason: finishReason, ...(stopString !== undefined && { stop_reason: stopString }) };
}
