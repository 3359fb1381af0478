// Evaluates a prompt, piece by piece. The last piece is evaluated together with the choice of the first token.
import type { Clock } from '../clock.ts';
import type { Token } from '../engine.ts';
import type { AttentionTiles } from '../prompt/attention-tiles.ts';
import type { KnownPrefixes } from '../prompt/known-prefixes.ts';
import { blockSize, chunkEnd } from '../prompt/prompt-chunks.ts';
import type { GenerationRun, PromptRequest } from './generation-run.ts';
import type { NativeSequence } from './native-sequence.ts';
import type { Pace } from './pace.ts';
import type { SequenceState } from './sequence-state.ts';

export interface PrefillParts {
  readonly state: SequenceState;
  readonly native: Pick<NativeSequence<never>, 'longestDecode' | 'score'>;
  readonly known: KnownPrefixes;
  readonly pace: Pace;
  readonly clock: Clock;
  /** Absent: the attention has none. */
  readonly tiles?: AttentionTiles | undefined;
}

/** An abort is seen between two pieces of a prompt, so a piece takes no longer than this where a shorter one is possible. */
const longestPieceMs = 1000;

/** The same of a piece that nobody waits for. */
const longestAsideMs = 250;

/** Fewer tokens take about as long: llama.cpp reads all weights for each piece. */
const shortestPiece = 16;

export class Prefill {
  readonly #parts: PrefillParts;

  constructor(parts: PrefillParts) {
    this.#parts = parts;
  }

  /** The most tokens to evaluate together, so that an abort is seen soon enough. */
  get longestPiece(): number {
    return this.tokensWithin(longestPieceMs);
  }

  /** The most tokens to evaluate together for so many milliseconds where a shorter time is possible: at least `least`. */
  tokensWithin(milliseconds: number, least = blockSize): number {
    const { native, pace } = this.#parts;
    const inTime = Math.floor(pace.promptTokensWithin(milliseconds));
    return Math.max(least, Math.min(native.longestDecode, inTime));
  }

  /**
   * Evaluates all of a prompt that the sequence does not hold yet, except the last piece.
   *
   * @returns false when there was no time for a piece, or there is none for the last one
   * @throws the signal's reason when aborted, after the piece that is being evaluated
   */
  async evaluateUntilLast(run: GenerationRun<PromptRequest>): Promise<boolean> {
    const { state, pace } = this.#parts;
    const { length } = run.request.prompt;
    const endOfNext = this.#cutter(run);
    for (let end = endOfNext(); end < length; end = endOfNext()) {
      if (!(await this.#evaluatePiece(run, end))) return false;
    }
    return !run.deadline.refuses(pace.expectPrefill(length - state.length));
  }

  /**
   * Evaluates the first `length` tokens of a prompt.
   *
   * @param endOfNext - where the next piece ends
   * @returns false when there was no time for a piece
   * @throws the signal's reason when aborted, after the piece that is being evaluated
   */
  async evaluateFirst(
    run: GenerationRun<PromptRequest>,
    length: number,
    endOfNext = this.#cutter(run),
  ): Promise<boolean> {
    while (this.#parts.state.length < length) {
      if (!(await this.#evaluatePiece(run, Math.min(length, endOfNext())))) return false;
    }
    return true;
  }

  /**
   * Evaluates a prompt that nobody waits for, in short pieces: whoever asks for something else waits for one of them.
   *
   * @throws the signal's reason when aborted, after the piece that is being evaluated
   */
  async evaluateAside(run: GenerationRun<PromptRequest>): Promise<void> {
    const endOfNext = () => this.#parts.state.length + this.tokensWithin(longestAsideMs, shortestPiece);
    await this.evaluateFirst(run, run.request.prompt.length, endOfNext);
  }

  /** Evaluates the last piece alone. */
  async evaluateLast(run: GenerationRun<PromptRequest>): Promise<void> {
    await this.#evaluate(run, run.request.prompt.length, [], async () => {});
  }

  /**
   * Evaluates the last piece, or nothing when the sequence holds it already, and chooses the first token.
   *
   * @param choose - receives the native number of the last token's logits
   * @throws the signal's reason when aborted
   */
  async chooseFirst<Choice>(
    run: GenerationRun<PromptRequest>,
    choose: (output: number) => Promise<Choice>,
  ): Promise<Choice> {
    const { state, pace, clock } = this.#parts;
    const { length } = run.request.prompt;
    const tokens = length - state.length;
    const startedAt = clock.now();
    const choice =
      tokens === 0
        ? await state.readLogits(choose)
        : await this.#evaluate(run, length, [tokens - 1], ([output = -1]) => choose(output));
    if (tokens > 0) pace.prefilled(tokens, clock.now() - startedAt);
    run.signal?.throwIfAborted();
    return choice;
  }

  /** Evaluates a text that has no generation, cut as a prompt that goes on behind it. */
  async evaluateText(text: readonly Token[]): Promise<void> {
    const { state, native, known } = this.#parts;
    const { length } = text;
    const cuts = { length, breaks: known.lengthsIn(text) };
    while (state.length < length) {
      const end = chunkEnd(state.length, cuts, native.longestDecode);
      const tokens = text.slice(state.length, end);
      await state.evaluatePrompt({ tokens, outputs: [], read: async () => {} });
    }
  }

  /** Evaluates a piece before the last one. Returns false when there is no time for it. */
  async #evaluatePiece(run: GenerationRun<PromptRequest>, end: number): Promise<boolean> {
    const { state, pace, clock } = this.#parts;
    const tokens = end - state.length;
    if (run.deadline.refuses(pace.expectPrefill(tokens))) return false;
    const startedAt = clock.now();
    await this.#evaluate(run, end, [], async () => {});
    pace.prefilled(tokens, clock.now() - startedAt);
    run.signal?.throwIfAborted();
    return true;
  }

  /** Tells where the piece ends that follows what the sequence holds; that may be behind the prompt's end. */
  #cutter({ request: { prompt }, rule }: GenerationRun<PromptRequest>): () => number {
    const { state, known, tiles } = this.#parts;
    const { length } = prompt;
    const cuts = { length, breaks: known.lengthsIn(prompt) };
    return () => {
      if (rule !== 'common') return chunkEnd(state.length, cuts, this.longestPiece);
      const end = state.length + this.longestPiece;
      // The last pieces of a prompt.
      const first = end >= length ? (tiles?.toEvaluateFirst(state.length, length) ?? 0) : 0;
      return first > 0 ? state.length + first : end;
    };
  }

  /** Evaluates the piece that ends at `end`, and scores the tokens that follow its own where the request asks for it. */
  async #evaluate<Result>(
    run: GenerationRun<PromptRequest>,
    end: number,
    outputs: readonly number[],
    read: (outputs: Uint32Array) => Promise<Result>,
  ): Promise<Result> {
    const { state, native } = this.#parts;
    const { prompt, promptLogprobs, logprobs = 0 } = run.request;
    const tokens = prompt.slice(state.length, end);
    const next = promptLogprobs ? prompt.slice(state.length + 1, end + 1) : [];
    const evaluation = {
      tokens,
      outputs: [...next.keys(), ...outputs],
      read: async (numbers: Uint32Array) => {
        for (const [index, token] of next.entries())
          run.promptScores.push(await native.score(numbers[index] ?? -1, token, logprobs));
        return read(numbers.subarray(next.length));
      },
    };
    const isExact = run.rule !== 'common';
    const result = await (isExact ? state.evaluatePrompt(evaluation) : state.evaluate(evaluation));
    run.evaluatedTokens += tokens.length;
    return result;
  }
}
