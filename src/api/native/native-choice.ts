// Converts the events of one generation to an answer of llama-server's POST /completion, or to the chunks of a stream.
import type {
  Engine,
  GeneratedToken,
  GenerationEvent,
  GenerationRequest,
  GenerationSummary,
  Token,
} from '../../engine/engine.ts';
import { type Timings, toTimings } from '../../telemetry/timings.ts';
import { toTokenText } from '../logprobs.ts';

export interface NativeChoiceOptions {
  readonly index: number;
  readonly generation: GenerationRequest;
  readonly model: string;
  readonly engine: Engine;
  /** How many likeliest tokens each place has in `completion_probabilities`. 0 leaves them out. */
  readonly topTokens: number;
  /** @throws {RequestError} `invalid_output` when a text that the model ended by itself is not valid */
  readonly assertValid: ((text: string) => void) | undefined;
}

interface TokenProbability {
  readonly id: Token;
  readonly token: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
}

/** One chunk of a stream. */
interface NativeChunk {
  readonly index: number;
  readonly content: string;
  readonly tokens: readonly Token[];
  readonly stop: boolean;
  /** Always -1: the server does not say which slot it chose. */
  readonly id_slot: -1;
  readonly tokens_predicted: number;
  readonly tokens_evaluated: number;
  readonly completion_probabilities?: readonly (TokenProbability & {
    readonly top_logprobs: readonly TokenProbability[];
  })[];
  /** Those so far, if the request asks for them in every chunk. */
  readonly timings?: Timings;
}

/** The whole answer, or the last chunk of a stream, which has no content. */
export interface NativeCompletion extends NativeChunk {
  readonly model: string;
  readonly prompt: string;
  readonly generation_settings: object;
  readonly has_new_line: boolean;
  readonly truncated: false;
  readonly stop_type: 'eos' | 'word' | 'limit';
  readonly stopping_word: string;
  readonly tokens_cached: number;
  readonly timings: Timings;
}

export class NativeChoice {
  readonly #options: NativeChoiceOptions;
  readonly #generated: GeneratedToken[] = [];
  #text = '';
  #summary: GenerationSummary | undefined;

  constructor(options: NativeChoiceOptions) {
    this.#options = options;
  }

  /** Adds an event of the generation. */
  take(event: GenerationEvent): void {
    if (event.type === 'text') {
      this.#text += event.text;
      this.#generated.push(...event.tokens);
    } else if (event.type === 'end') {
      const { finishReason, stopped } = event.summary;
      if (finishReason === 'stop' && !stopped) this.#options.assertValid?.(this.#text);
      this.#summary = event.summary;
    }
  }

  /** Adds an event of the generation, and returns its chunks of the stream. */
  toChunks(event: GenerationEvent): NativeChunk[] {
    this.take(event);
    if (event.type === 'end') return [this.#toCompletion('', [])];
    if (event.type === 'prompt' || (event.text === '' && event.tokens.length === 0)) return [];
    const chunk = this.#toChunk(event.text, event.tokens, false);
    return [event.progress ? { ...chunk, timings: toTimings([event.progress]) } : chunk];
  }

  finish(): NativeCompletion {
    return this.#toCompletion(this.#text, this.#generated);
  }

  #toChunk(content: string, generated: readonly GeneratedToken[], stop: boolean): NativeChunk {
    const { index, generation, topTokens } = this.#options;
    return {
      index,
      content,
      tokens: generated.map(({ token }) => token),
      stop,
      id_slot: -1,
      tokens_predicted: this.#summary?.completionTokens ?? this.#generated.length,
      tokens_evaluated: generation.prompt.length,
      ...(topTokens > 0 && {
        completion_probabilities: generated.flatMap((each) => this.#toProbabilities(each)),
      }),
    };
  }

  #toProbabilities({ score }: GeneratedToken) {
    if (score === undefined) return [];
    const toProbability = ({ token, logprob }: { token: Token; logprob: number }): TokenProbability => {
      const bytes = this.#options.engine.toBytes(token);
      return { id: token, token: toTokenText(bytes), bytes: [...bytes], logprob };
    };
    return [{ ...toProbability(score), top_logprobs: score.top.map(toProbability) }];
  }

  #toCompletion(content: string, generated: readonly GeneratedToken[]): NativeCompletion {
    const summary = this.#summary;
    if (summary === undefined) throw new Error('The generation ended without a summary.');
    const { generation, model, engine } = this.#options;
    const { sampling, stop, maxTokens } = generation;
    const { seed, temperature, topK: top_k, topP: top_p, minP: min_p } = sampling;
    return {
      ...this.#toChunk(content, generated, true),
      model,
      prompt: engine.detokenize(generation.prompt),
      generation_settings: { n_predict: maxTokens, seed, temperature, top_k, top_p, min_p, stop },
      has_new_line: this.#text.includes('\n'),
      truncated: false,
      stop_type: summary.finishReason === 'length' ? 'limit' : summary.stopped ? 'word' : 'eos',
      stopping_word: summary.stopString ?? '',
      tokens_cached: generation.prompt.length + summary.completionTokens,
      timings: toTimings([summary]),
    };
  }
}
