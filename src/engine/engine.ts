// What a model can do, as the rest of the code sees it. One implementation runs it on llama.cpp
// (llama-engine.ts); tests bring a fake.

import type { Embedder } from './embedder.ts';
import type { Token } from './token.ts';

export type { Token };

/** The type of keys and values in the context: 16-bit floats, or 8-bit blocks in half the memory, slightly less exact. */
export type KvType = 'f16' | 'q8_0';

/** "Don't repeat yourself": the longer a repetition gets, the less likely is its next token. */
interface DryPenalty {
  /** Strength; 0 is off. */
  readonly multiplier: number;
  readonly base: number;
  /** Repetitions of up to so many tokens are free. */
  readonly allowedLength: number;
  /** How far back repetitions are looked for, in generated tokens; `null` is all of them. */
  readonly lastTokens: number | null;
  /** Texts that end a repetition. */
  readonly sequenceBreakers: readonly string[];
}

/** "Exclude top choices": with a probability, drops all likely tokens but the least likely of them. */
interface ExcludeTopChoices {
  readonly probability: number;
  /** What counts as likely: a probability of at least this. */
  readonly threshold: number;
}

/** How the next token is chosen. Every field is set: defaults belong to the public API, not to the engine. */
export interface Sampling {
  /** 0 is greedy: always the likeliest token, after biases and penalties. */
  readonly temperature: number;
  /** Keep the likeliest tokens until their probabilities add up to this; 1 keeps all. */
  readonly topP: number;
  /** Keep this many of the likeliest tokens; 0 keeps all. */
  readonly topK: number;
  /** Drop tokens less likely than this fraction of the likeliest one; 0 drops none. */
  readonly minP: number;
  /** Makes the last 64 tokens, prompt included, less likely; 1 changes nothing. */
  readonly repeatPenalty: number;
  /** Taken from the logit of every token that was generated already. */
  readonly presencePenalty: number;
  /** Taken from the logit of a generated token for each time it was generated. */
  readonly frequencyPenalty: number;
  /** Added to logits; negative infinity forbids a token. */
  readonly logitBias: ReadonlyMap<Token, number>;
  readonly dry?: DryPenalty;
  readonly xtc?: ExcludeTopChoices;
  /** The model may not end its text. */
  readonly ignoreEndOfGeneration: boolean;
  /** Unsigned 32-bit. The same seed, prompt and sampling give the same text. */
  readonly seed: number;
}

/** What the text must look like. */
export interface Grammar {
  /** In llama.cpp's GBNF; its `root` rule is matched from the first token, or from the trigger on. */
  readonly gbnf: string;
  /** Text is free until this appears in it; what follows it is matched. */
  readonly trigger?: string;
}

export interface GenerationRequest {
  readonly prompt: readonly Token[];
  /** The most tokens to generate, or 0 to evaluate the prompt only; prompt and this may not exceed the context. */
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** Generation ends before the first of these texts, which is not part of the answer. */
  readonly stop: readonly string[];
  readonly grammar?: Grammar;
  /** Tell each generated token's log-probability, and those of so many of the likeliest tokens beside it. */
  readonly logprobs?: number;
  /** The same of the prompt's tokens, which are all evaluated for it. */
  readonly promptLogprobs?: boolean;
  /** Whether tokens may be taken from the KV cache. Default true. */
  readonly cachePrompt?: boolean;
  /** Generation ends this many milliseconds after its first token. */
  readonly maxPredictMs?: number;
  /** Tell with each piece of text what was spent until then. */
  readonly progress?: boolean;
  /**
   * The end must have come by then, in milliseconds of `performance.now()`: generation ends when the next step,
   * judged by the last ones, would take longer.
   */
  readonly endBy?: number;
}

/** Why a generation ended: the model or a stop string ended it, or it ran out of tokens or time. */
export type FinishReason = 'stop' | 'length';

/** What a finished generation cost. Times are milliseconds on a monotonic clock. */
export interface GenerationSummary {
  readonly finishReason: FinishReason;
  /** Whether a stop string ended it, so that the text may be cut anywhere. */
  readonly stopped: boolean;
  /** Whether `endBy` ended it. */
  readonly deadline: boolean;
  /** The wait for a slot, before the start. */
  readonly waitMs: number;
  /** Prompt tokens taken from the KV cache. */
  readonly cachedTokens: number;
  /** Prompt tokens evaluated. */
  readonly promptTokens: number;
  /** Prompt tokens that there was no time to evaluate. */
  readonly unevaluatedTokens: number;
  /** From the start to the first generated token, tokens evaluated before it included. */
  readonly promptMs: number;
  /** Tokens sampled, an end-of-generation token included. */
  readonly completionTokens: number;
  /** From the first generated token to the last. */
  readonly completionMs: number;
}

/** The natural logarithm of a token's probability, before any sampling option changed it. */
export interface TokenLogprob {
  readonly token: Token;
  readonly logprob: number;
}

/** A token that follows others. */
export interface ScoredToken extends TokenLogprob {
  /** The likeliest tokens at its place, likeliest first. */
  readonly top: readonly TokenLogprob[];
}

export interface GeneratedToken {
  readonly token: Token;
  /** Where its text begins in the generated text, in UTF-16 units. */
  readonly offset: number;
  /** Where log-probabilities were asked for. */
  readonly score?: ScoredToken;
}

/**
 * What a generation yields: the prompt's log-probabilities first where they were asked for (of all its tokens but
 * the first, which follows nothing, and those that there was no time for), text as it comes with the tokens that end in it, and one summary at the end.
 */
export type GenerationEvent =
  | { readonly type: 'prompt'; readonly scores: readonly ScoredToken[] }
  | {
      readonly type: 'text';
      readonly text: string;
      readonly tokens: readonly GeneratedToken[];
      readonly progress?: GenerationSummary;
    }
  | { readonly type: 'end'; readonly summary: GenerationSummary };

/** The model was asked for something outside its abilities, or the engine is gone. */
export class EngineError extends Error {
  override readonly name: string = 'EngineError';
}

/** A grammar that llama.cpp does not take. */
export class GrammarError extends EngineError {
  override readonly name = 'GrammarError';
}

/** Every slot is taken, and as many generations wait as may. */
export class EngineBusyError extends Error {
  override readonly name = 'EngineBusyError';
  readonly waiting: number;

  constructor(waiting: number) {
    super(`${waiting} generations wait already.`);
    this.waiting = waiting;
  }
}

/** What is told of a model. */
export interface ModelProperties {
  /** The Jinja template that turns messages into a prompt, where the model has one. */
  readonly chatTemplate: string | undefined;
  /** Texts of the tokens that begin a text, end one, and end a turn; where the model has them. */
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;
  readonly eotToken: string | undefined;
  /** Whether a text begins with the beginning-of-sequence token. */
  readonly addsBosToken: boolean;
  /** Tokens in the vocabulary. */
  readonly vocabularySize: number;
  /** Tokens of context that the model was trained on. */
  readonly trainContextSize: number;
  /** Numbers in an embedding. */
  readonly embeddingSize: number;
  /** Architecture, parameters and quantisation, as llama.cpp names them. */
  readonly description: string;
  /** Of the weights, in bytes. */
  readonly size: number;
}

export interface Engine extends AsyncDisposable {
  /** Tokens that the prompt and the answer may hold together. */
  readonly contextSize: number;
  /** Generations that run at once; none of a model that was made for vectors or rankings. */
  readonly slots: number;
  /** Generations that run and that wait, at this moment. */
  readonly load: { readonly running: number; readonly waiting: number };
  readonly properties: ModelProperties;
  /** What makes vectors and rankings. */
  readonly embedder?: Embedder;

  /**
   * Turns a prompt into tokens, with the model's beginning-of-sequence token where it wants one. Special
   * tokens written in the text (`<|im_start|>`) become those tokens.
   */
  tokenize(text: string): Token[];

  /** Turns a text into its tokens alone, with special tokens as such or as the characters they are written in. */
  tokenizeText(text: string, options: { special: boolean }): Token[];

  /** The prompt that asks for what lies between two texts, where the model knows how. */
  toInfillPrompt(prefix: string, suffix: string): Token[] | undefined;

  /** The tokens' text, special tokens as they are written; what is no whole character becomes U+FFFD. */
  detokenize(tokens: readonly Token[]): string;

  /** A token's own bytes, which need not be whole characters. */
  toBytes(token: Token): Uint8Array;

  /**
   * Generates text, in pieces that never split a character, and then tells what it cost.
   * As many run at once as the engine has slots; others wait their turn. Ending the iteration early, or aborting `signal`, leaves
   * the engine ready for the next one.
   *
   * @throws the signal's reason when aborted: while it waits at once, else within one token or one chunk of the prompt
   * @throws {EngineError} when the prompt is empty or does not fit the context
   * @throws {GrammarError} when llama.cpp does not take the grammar
   * @throws {EngineBusyError} when too many wait already
   */
  generate(request: GenerationRequest, signal?: AbortSignal): AsyncGenerator<GenerationEvent, void, void>;
}
