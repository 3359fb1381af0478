// The books of one generation: what was asked, what it has cost so far, and the summary of that.
import type { Clock } from '../clock.ts';
import type {
  CacheRule,
  FinishReason,
  GenerationRequest,
  GenerationSummary,
  ScoredToken,
  Token,
} from '../engine.ts';
import type { Pace } from './pace.ts';
import { StepDeadline } from './step-deadline.ts';

export interface GenerationRunOptions {
  /** What its prompt reuses, and so where it is cut; undefined reuses nothing, and is cut as by the exact rule. */
  readonly rule: CacheRule | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long the generation has waited for its sequence, in milliseconds. */
  readonly waitMs: number;
}

/** The part of a request that its prompt's evaluation needs. */
export type PromptRequest = Omit<GenerationRequest, 'sampling' | 'stop' | 'grammar'>;

export class GenerationRun<Request extends PromptRequest = GenerationRequest> {
  readonly request: Request;
  readonly rule: CacheRule | undefined;
  readonly signal: AbortSignal | undefined;
  readonly deadline: StepDeadline;
  /** Scores of the prompt's tokens from the second on, where they are asked for. */
  readonly promptScores: ScoredToken[] = [];
  /** The tokens of the generated text. */
  readonly text: Token[] = [];
  /** Prompt tokens that the sequence held already. */
  cachedTokens = 0;
  /** Prompt tokens that were evaluated. */
  evaluatedTokens = 0;
  finishReason: FinishReason = 'length';
  /** The stop string that ended it. */
  stopString: string | undefined;
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #startedAt: number;
  #completionTokens = 0;
  #firstTokenAt: number;
  #lastTokenAt: number;

  /** Starts the time of the prompt. */
  constructor(
    request: Request,
    { rule, signal, waitMs }: GenerationRunOptions,
    { pace, clock }: { readonly pace: Pace; readonly clock: Clock },
  ) {
    this.request = request;
    this.rule = rule;
    this.signal = signal;
    this.deadline = new StepDeadline({ endBy: request.endBy, pace, clock });
    this.#clock = clock;
    this.#waitMs = waitMs;
    this.#startedAt = clock.now();
    this.#firstTokenAt = this.#startedAt;
    this.#lastTokenAt = this.#startedAt;
  }

  /** How many tokens were generated, a token that ends the text included. */
  get completionTokens(): number {
    return this.#completionTokens;
  }

  /** Whether tokens and time are left for one more step, beside `asked` steps that may bring a token each. */
  mayContinue(asked: number): boolean {
    const { maxTokens, maxPredictMs } = this.request;
    if (this.#completionTokens + asked >= maxTokens) return false;
    return maxPredictMs === undefined || this.#clock.now() - this.#firstTokenAt < maxPredictMs;
  }

  /** Counts a token that was generated `at` a time of the clock. */
  generated(at: number): void {
    if (this.#completionTokens === 0) this.#firstTokenAt = at;
    this.#lastTokenAt = at;
    this.#completionTokens += 1;
  }

  /** What it has cost until now. */
  toSummary(): GenerationSummary {
    const { request, cachedTokens, evaluatedTokens } = this;
    const promptEnd = this.#completionTokens === 0 ? this.#clock.now() : this.#firstTokenAt;
    return {
      finishReason: this.finishReason,
      stopped: this.stopString !== undefined,
      ...(this.stopString !== undefined && { stopString: this.stopString }),
      deadline: this.deadline.hasRefused,
      waitMs: this.#waitMs,
      cachedTokens,
      promptTokens: evaluatedTokens,
      unevaluatedTokens: request.prompt.length - cachedTokens - evaluatedTokens,
      promptMs: promptEnd - this.#startedAt,
      completionTokens: this.#completionTokens,
      completionMs: this.#lastTokenAt - this.#firstTokenAt,
    };
  }
}

/** The summary of a generation whose time was up before it got a sequence. */
export function toUnstartedSummary({ prompt }: PromptRequest, waitMs: number): GenerationSummary {
  return {
    finishReason: 'length',
    stopped: false,
    deadline: true,
    waitMs,
    cachedTokens: 0,
    promptTokens: 0,
    unevaluatedTokens: prompt.length,
    promptMs: 0,
    completionTokens: 0,
    completionMs: 0,
  };
}
