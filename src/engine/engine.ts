// The engine's port: text generation and tokenization as the rest of the code calls them. llama/llama-engine.ts implements it
// on llama.cpp; tests use a fake.
import type { Embedder } from './embedder.ts';
import type { MemoryRoom, MemoryUse } from './memory.ts';
import type { Token } from './token.ts';

export type { Token };

/** The type of keys and values in the context: 16-bit floats, or 8-bit blocks in half the memory, slightly less exact. */
export type KvType = 'f16' | 'q8_0';

/**
 * What a prompt may reuse of the tokens that were evaluated before. `common` is all that both begin with. `exact` is so much of it that
 * the text is the one that a cold start generates.
 */
export type CacheRule = 'common' | 'exact';

/** "Don't repeat yourself": the longer a repetition gets, the less likely its next token becomes. */
interface DryPenalty {
  /** Strength; 0 is off. */
  readonly multiplier: number;
  readonly base: number;
  /** Repetitions of up to this many tokens are not penalized. */
  readonly allowedLength: number;
  /** How many of the last generated tokens are searched for repetitions; `null` is all. */
  readonly lastTokens: number | null;
  /** Texts that end a repetition. */
  readonly sequenceBreakers: readonly string[];
}

/** "Exclude top choices": sometimes drops all likely tokens except the least likely of them. */
interface ExcludeTopChoices {
  /** The chance that tokens are dropped. */
  readonly probability: number;
  /** A token with at least this probability is likely. */
  readonly threshold: number;
}

/** A temperature that rises with the entropy of the distribution, from `temperature - range` to `temperature + range`. */
interface DynamicTemperature {
  readonly range: number;
  /** How fast it rises; 1 is in proportion to the entropy. */
  readonly exponent: number;
}

/** Keeps the surprise of the text near a target, in the place of the samplers that drop tokens. */
interface Mirostat {
  readonly version: 1 | 2;
  /** The target in bits. */
  readonly tau: number;
  /** How fast it adapts. */
  readonly eta: number;
}

/** "Adaptive-p": keeps the probability of the chosen tokens near a target. */
interface AdaptiveP {
  readonly target: number;
  /** How much of the past it remembers, from 0 to 0.99. */
  readonly decay: number;
}

/** The names of the samplers, in the order in which they are applied by default. They are llama-server's. */
export const samplerOrder = [
  'penalties',
  'dry',
  'top_n_sigma',
  'top_k',
  'typ_p',
  'top_p',
  'min_p',
  'xtc',
  'temperature',
  'adaptive_p',
] as const;

export type SamplerName = (typeof samplerOrder)[number];

/** How the next token is chosen. The engine has no defaults: the public API sets every field. An absent one is off. */
export interface Sampling {
  /** 0 is greedy: it chooses the likeliest token after biases and penalties. */
  readonly temperature: number;
  /** Keeps the likeliest tokens until their probabilities add up to this; 1 keeps all. */
  readonly topP: number;
  /** Keeps this many of the likeliest tokens; 0 keeps all. */
  readonly topK: number;
  /** Drops tokens less likely than this fraction of the likeliest one; 0 drops none. */
  readonly minP: number;
  /** Makes the last tokens of prompt and text less likely; 1 changes nothing. */
  readonly repeatPenalty: number;
  /** How many tokens `repeatPenalty` remembers; infinity is all. */
  readonly repeatLastTokens: number;
  /** Subtracted from the logit of every token that was generated already. */
  readonly presencePenalty: number;
  /** Subtracted from a token's logit for each time it was generated. */
  readonly frequencyPenalty: number;
  /** Added to logits; negative infinity forbids a token. */
  readonly logitBias: ReadonlyMap<Token, number>;
  readonly dry?: DryPenalty;
  readonly xtc?: ExcludeTopChoices;
  /** Keeps the tokens whose surprise is nearest to the expected one, until their probabilities add up to this; 1 keeps all. */
  readonly typicalP?: number;
  /** Drops tokens whose logit is more than this many standard deviations below the highest one; 0 drops none. */
  readonly topNSigma?: number;
  readonly dynatemp?: DynamicTemperature;
  readonly mirostat?: Mirostat;
  readonly adaptiveP?: AdaptiveP;
  /** The samplers to apply, in this order; the others are off. A name may occur twice. Default: {@link samplerOrder}. */
  readonly samplers?: readonly SamplerName[];
  /** The fewest tokens that `topP`, `minP`, `typicalP` and `xtc` leave. */
  readonly minKeep?: number;
  /** The model may not end its text. */
  readonly ignoreEndOfGeneration: boolean;
  /** Before so many tokens, the model may not end its text, and stop strings do not end it. */
  readonly minTokens?: number;
  /** Unsigned 32-bit. The same seed, prompt and sampling give the same text. */
  readonly seed: number;
}

/** A grammar that the text must match. */
export interface Grammar {
  /** In llama.cpp's GBNF. The prefix and the text must match the `root` rule together, or what follows from a trigger on. */
  readonly gbnf: string;
  /** What the prompt ends with, if the grammar covers it. */
  readonly prefix?: string;
  /**
   * Regular expressions. The text is free until one of them matches, and the model goes on as the grammar says. The grammar covers
   * the match, or its first group.
   */
  readonly triggers?: readonly string[];
  /** Triggers within thoughts do not count. */
  readonly thoughts?: ThoughtMarks;
}

/** The texts around the thoughts of a model. */
export interface ThoughtMarks {
  readonly start: string;
  /** Each of them ends the thoughts. */
  readonly ends: readonly string[];
  /** Whether the prompt ends within thoughts. */
  readonly hasStarted: boolean;
}

/** Ends thoughts that take longer. */
export interface ThoughtLimit {
  readonly marks: ThoughtMarks;
  /** The most tokens of thoughts; 0 ends them where they start. */
  readonly tokens: number;
  /** The tokens of the mark that ends them. The model goes on behind it. */
  readonly end: readonly Token[];
}

/** A turn of a chat. Its end may be kept, for the next turn of the same tenant. */
interface ChatTurn {
  readonly tenant: string;
  /** Whether the prompt has earlier answers. */
  readonly continues: boolean;
}

export interface GenerationRequest {
  readonly prompt: readonly Token[];
  /** The most tokens to generate; 0 only evaluates the prompt. The context must have room for the prompt and these. */
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** The text ends before the first of these strings. */
  readonly stop: readonly string[];
  readonly grammar?: Grammar;
  readonly thoughtLimit?: ThoughtLimit;
  /** Control tokens that are parts of the text. Others have none. */
  readonly visibleTokens?: readonly Token[];
  /** Scores each generated token, and this many of the likeliest tokens at its place. */
  readonly logprobs?: number;
  /** Scores the prompt's tokens too. They are all evaluated for that, without the cache. */
  readonly promptLogprobs?: boolean;
  /** What the prompt may reuse of the KV cache; false is nothing. Default true: by the engine's own rule. */
  readonly cachePrompt?: boolean | 'exact';
  /** The prompt reuses only what requests with the same scope have left, and baked prefixes. Default: what all have left. */
  readonly cacheScope?: string;
  /** Set when the prompt is that of a chat. */
  readonly turn?: ChatTurn;
  /** Generation ends this many milliseconds after its first token. */
  readonly maxPredictMs?: number;
  /** Adds a summary of the cost so far to each piece of text. */
  readonly progress?: boolean;
  /**
   * A deadline, in milliseconds of `performance.now()`. Generation ends before a step that would miss it, judged by how long
   * the last steps took.
   */
  readonly endBy?: number;
}

/** Why a generation ended: `stop` when the model or a stop string ended it, `length` when it ran out of tokens or time. */
export type FinishReason = 'stop' | 'length';

/** The cost of a generation. Times are milliseconds on a monotonic clock. */
export interface GenerationSummary {
  readonly finishReason: FinishReason;
  /** Whether a stop string ended it. The text may then end anywhere. */
  readonly stopped: boolean;
  /** The stop string that ended it. */
  readonly stopString?: string;
  /** Whether the deadline `endBy` ended it. */
  readonly deadline: boolean;
  /** How long it waited for a slot before it started. */
  readonly waitMs: number;
  /** Prompt tokens reused from the KV cache. */
  readonly cachedTokens: number;
  /** Prompt tokens evaluated. */
  readonly promptTokens: number;
  /** Prompt tokens that the deadline left no time for. */
  readonly unevaluatedTokens: number;
  /** From the start to the first generated token. */
  readonly promptMs: number;
  /** Generated tokens, the token that ends the text included. */
  readonly completionTokens: number;
  /** From the first generated token to the last. */
  readonly completionMs: number;
}

/** A text that goes on from a prompt, and the texts whose probabilities behind it are wanted. */
export interface Branch {
  /** At least one. */
  readonly tokens: readonly Token[];
  /** At least one, of at least one token each. */
  readonly continuations: readonly (readonly Token[])[];
}

/** A prompt that is expected to begin another one. */
export type ExpectedPrompt = Pick<GenerationRequest, 'prompt' | 'cachePrompt' | 'cacheScope'>;

export interface BranchRequest extends Pick<GenerationRequest, 'cacheScope'> {
  /** All branches go on from it. It is evaluated once, and may be reused as the prompt of a generation. */
  readonly prompt: readonly Token[];
  /** The context must have room for the prompt, a branch and any of its continuations. */
  readonly branches: readonly Branch[];
}

export interface BranchScores {
  /**
   * By branch and continuation, the natural logarithm of the probability that a text behind the prompt and the branch begins with
   * the continuation, before any sampling option.
   */
  readonly logprobs: readonly (readonly number[])[];
  /** The cost of the prompt. No token is generated. */
  readonly summary: GenerationSummary;
}

/** The natural logarithm of a token's probability, before any sampling option. */
interface TokenLogprob {
  readonly token: Token;
  readonly logprob: number;
}

/** A token and its alternatives. */
export interface ScoredToken extends TokenLogprob {
  /** The likeliest tokens at its place, likeliest first. */
  readonly top: readonly TokenLogprob[];
}

export interface GeneratedToken {
  readonly token: Token;
  /** Where its text starts in the generated text, in UTF-16 code units. */
  readonly offset: number;
  /** Set when the request asks for log-probabilities. */
  readonly score?: ScoredToken;
}

/** A generation yields `prompt` first when the request asks for it, `text` as it is generated, and `end` once. */
export type GenerationEvent =
  | {
      readonly type: 'prompt';
      /** Of the evaluated prompt tokens except the first, which follows nothing. */
      readonly scores: readonly ScoredToken[];
    }
  | {
      readonly type: 'text';
      readonly text: string;
      /** The tokens whose text ends in this piece. */
      readonly tokens: readonly GeneratedToken[];
      readonly progress?: GenerationSummary;
    }
  | { readonly type: 'end'; readonly summary: GenerationSummary };

/** The model cannot do what it was asked for, or the engine is shut down. */
export class EngineError extends Error {
  override readonly name: string = 'EngineError';
}

/** The grammar is malformed or too large. */
export class GrammarError extends EngineError {
  override readonly name: string = 'GrammarError';
}

/** The grammar does not admit its prefix. */
export class GrammarPrefixError extends GrammarError {
  override readonly name = 'GrammarPrefixError';
}

/** All slots are taken and the queue is full. */
export class EngineBusyError extends Error {
  override readonly name = 'EngineBusyError';
  readonly waiting: number;

  constructor(waiting: number) {
    super(`${waiting} generations wait already.`);
    this.waiting = waiting;
  }
}

/** Properties of a model that clients may see. */
export interface ModelProperties {
  /** The Jinja template that turns messages into a prompt; undefined when the model has none. */
  readonly chatTemplate: string | undefined;
  /** The text of the tokens that start a text, end a text and end a turn; undefined when the model has none. */
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;
  readonly eotToken: string | undefined;
  /** Whether a prompt starts with the beginning-of-sequence token. */
  readonly addsBosToken: boolean;
  /** Tokens in the vocabulary. */
  readonly vocabularySize: number;
  /** The context length, in tokens, that the model was trained with. */
  readonly trainContextSize: number;
  /** Dimensions of an embedding. */
  readonly embeddingSize: number;
  /** Architecture, parameter count and quantisation, as llama.cpp describes them. */
  readonly description: string;
  /** Size of the weights in bytes. */
  readonly size: number;
  /** The type of keys and values. */
  readonly kvType: KvType;
  /** What the model takes of which memory; undefined where nothing was added up. */
  readonly memory: { readonly use: MemoryUse; readonly room: MemoryRoom } | undefined;
}

export interface AsideOptions {
  /** Whether special tokens that the text spells out become those tokens. */
  readonly special: boolean;
  /** Whether the beginning-of-sequence token is added when the model wants one. Default false. */
  readonly isPrompt?: boolean;
  /** The text is turned into tokens piece by piece between these marks. Absent: in one piece. */
  readonly breakMark?: string;
}

export interface Engine extends AsyncDisposable {
  /** The most tokens of a prompt and its answer together. */
  readonly contextSize: number;
  /** Generations that can run at once; 0 when the model only embeds or ranks. */
  readonly slots: number;
  /** Generations that run and that wait now. */
  readonly load: { readonly running: number; readonly waiting: number };
  readonly properties: ModelProperties;
  /** The beginnings of prompts that the build of the image has evaluated, the shortest first. Default: none. */
  readonly prefixes?: readonly { readonly name: string; readonly tokens: readonly Token[] }[];
  /** Makes embeddings and rankings. */
  readonly embedder?: Embedder;

  /**
   * Turns a prompt into tokens, and adds the beginning-of-sequence token when the model wants one. Special tokens that the
   * text spells out (`<|im_start|>`) become those tokens.
   */
  tokenize(text: string): Token[];

  /** Turns a text into tokens and adds none. `special`: whether special tokens that the text spells out become those tokens. */
  tokenizeText(text: string, options: { special: boolean }): Token[];

  /**
   * As {@link tokenizeText}, or {@link tokenize}. Another thread does a long text, because it takes up to two microseconds a
   * character.
   */
  tokenizeAside(text: string, options: AsideOptions): Promise<Token[]>;

  /** Finds texts of control tokens, such as `<|im_end|>`: matches behind the first character of each. */
  readonly controlMarks: RegExp;

  /** The prompt that asks for the text between two others; undefined when the model cannot fill in. */
  toInfillPrompt(prefix: string, suffix: string): Token[] | undefined;

  /** The text of tokens. Special tokens are spelled out, and bytes that are no whole character become U+FFFD. */
  detokenize(tokens: readonly Token[]): string;

  /** The bytes of a token, which may be a part of a character. */
  toBytes(token: Token): Uint8Array;

  /**
   * Generates text in pieces that never split a character, and ends with a summary. As many generations run at once as there are
   * slots; others wait in order. The engine stays usable when the iteration ends early or `signal` is aborted.
   *
   * @throws the signal's reason when aborted: at once while it waits, else within one token or one piece of the prompt
   * @throws {EngineError} when the prompt is empty or does not fit the context
   * @throws {GrammarError} when the grammar is malformed or too large
   * @throws {EngineBusyError} when the queue is full
   */
  generate(request: GenerationRequest, signal?: AbortSignal): AsyncGenerator<GenerationEvent, void, void>;

  /**
   * Scores continuations of several branches of a prompt, and generates nothing. It takes a slot, as a generation does.
   *
   * @throws as {@link generate} does; within one piece of the prompt or of the branches when aborted
   */
  scoreBranches(request: BranchRequest, signal?: AbortSignal): Promise<BranchScores>;

  /**
   * Evaluates a prompt that goes on from what a slot holds, after a moment in which nobody asks for anything. It ends within one piece
   * of the prompt when somebody does. Absent: nothing is evaluated in advance.
   *
   * @param expect - makes the prompt when it is time; undefined is none
   */
  anticipate?(expect: () => Promise<ExpectedPrompt | undefined>): void;

  /**
   * Resolves when what is kept of ended generations is written. Absent where nothing is.
   *
   * @param mostLateMs - the most time to wait beyond the expected end of a write, in milliseconds. Default: no limit
   */
  settled?(mostLateMs?: number): Promise<void>;
}
