// What a model can do, as the rest of the code sees it. One implementation runs it on llama.cpp
// (llama-engine.ts); tests bring a fake.

/** A token's number in the model's vocabulary. */
export type Token = number;

/** How the next token is chosen. Every field is set: defaults belong to the public API, not to the engine. */
export interface Sampling {
  /** 0 is greedy: always the likeliest token, whatever the other fields say but `repeatPenalty`. */
  readonly temperature: number;
  /** Keep the likeliest tokens until their probabilities add up to this; 1 keeps all. */
  readonly topP: number;
  /** Keep this many of the likeliest tokens; 0 keeps all. */
  readonly topK: number;
  /** Drop tokens less likely than this fraction of the likeliest one; 0 drops none. */
  readonly minP: number;
  /** Makes the last 64 tokens, prompt included, less likely; 1 changes nothing. */
  readonly repeatPenalty: number;
  /** Unsigned 32-bit. The same seed, prompt and sampling give the same text. */
  readonly seed: number;
}

export interface GenerationRequest {
  readonly prompt: readonly Token[];
  /** The most tokens to generate; `prompt.length + maxTokens` may not exceed the context size. */
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** Generation ends before the first of these texts, which is not part of the answer. */
  readonly stop: readonly string[];
}

/** Why a generation ended: the model or a stop string ended it, or it ran out of tokens. */
export type FinishReason = 'stop' | 'length';

/** What a finished generation cost. Times are milliseconds on a monotonic clock. */
export interface GenerationSummary {
  readonly finishReason: FinishReason;
  /** Prompt tokens taken from the KV cache. */
  readonly cachedTokens: number;
  /** Prompt tokens evaluated. */
  readonly promptTokens: number;
  /** From the start to the first generated token, tokens evaluated before it included. */
  readonly promptMs: number;
  /** Tokens sampled, an end-of-generation token included. */
  readonly completionTokens: number;
  /** From the first generated token to the last. */
  readonly completionMs: number;
}

/** What a generation yields: text as it comes, and one summary at its end. */
export type GenerationEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'end'; readonly summary: GenerationSummary };

/** The model was asked for something outside its abilities, or the engine is gone. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
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

export interface Engine extends AsyncDisposable {
  /** Tokens that the prompt and the answer may hold together. */
  readonly contextSize: number;

  /**
   * Turns a prompt into tokens, with the model's beginning-of-sequence token where it wants one. Special
   * tokens written in the text (`<|im_start|>`) become those tokens.
   */
  tokenize(text: string): Token[];

  /**
   * Generates text, in pieces that never split a character, and then tells what it cost.
   * As many run at once as the engine has slots; others wait their turn. Ending the iteration early, or aborting `signal`, leaves
   * the engine ready for the next one.
   *
   * @throws the signal's reason when aborted: while it waits at once, else within one token or one chunk of the prompt
   * @throws {EngineError} when the prompt is empty or does not fit the context
   * @throws {EngineBusyError} when too many wait already
   */
  generate(request: GenerationRequest, signal?: AbortSignal): AsyncGenerator<GenerationEvent, void, void>;
}
