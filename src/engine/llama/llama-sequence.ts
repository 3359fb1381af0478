// Generation on one sequence of llama.cpp: the KV cache, the prompt in chunks, the token loop.
import { performance } from 'node:perf_hooks';
import type {
  FinishReason,
  GenerationEvent,
  GenerationRequest,
  GenerationSummary,
  ScoredToken,
  Token,
} from '../engine.ts';
import type { Pace } from '../pace.ts';
import type { KnownPrefix } from '../prompt/known-prefixes.ts';
import type { PrefixSnapshots } from '../prompt/prefix-snapshots.ts';
import { chunkEnd, reusableTokens, smallChunk } from '../prompt/prompt-chunks.ts';
import { PromptLookup } from '../prompt/prompt-lookup.ts';
import { GeneratedText, type TextPiece } from '../text/generated-text.ts';
import type { AddonGrammar } from './llama-addon.ts';
import { LlamaSampling, type LlamaSamplingContext } from './llama-sampling.ts';
import { LlamaScorer } from './llama-scorer.ts';
import { TokenLoop } from './token-loop.ts';

/** What the sequences of one context share. */
export interface LlamaSequenceContext extends LlamaSamplingContext {
  readonly pace: Pace;
  readonly snapshots: PrefixSnapshots;
  /** The most tokens to guess at once; 0 guesses none. */
  readonly lookupTokens: number;
}

/** What a generation has beside its request. */
interface GenerationOptions {
  readonly grammar: AddonGrammar | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long it has waited for the sequence, in milliseconds. */
  readonly waitMs: number;
}

/** One generation: what was asked, and what became of it so far. */
interface Run {
  readonly request: GenerationRequest;
  readonly signal: AbortSignal | undefined;
  readonly waitMs: number;
  readonly start: number;
  /** The lengths of the known beginnings that the prompt has, rising. */
  readonly breaks: readonly number[];
  cachedTokens: number;
  evaluatedTokens: number;
  finishReason: FinishReason;
  stopped: boolean;
  deadline: boolean;
  completionTokens: number;
  firstTokenAt: number;
  lastTokenAt: number;
}

/** A token that was chosen, with its score where log-probabilities are asked for, and what of it goes into the text. */
interface Choice {
  readonly token: Token;
  readonly score: ScoredToken | undefined;
  readonly ends: boolean;
  readonly admitted: readonly Token[];
  /** When, on the clock of `performance.now()`. */
  readonly at: number;
}

/** What chooses the tokens of one generation. */
interface Chooser {
  readonly sampling: LlamaSampling;
  readonly lookup: PromptLookup;
}

/** Steps that the native loop is asked for at once: the one that runs, and the one that follows it without a pause. */
const stepsAhead = 2;

/** An abort is seen between two pieces of a prompt, so none takes longer where a shorter one can be had. */
const longestChunkMs = 1000;

export class LlamaSequence {
  /** Its number in the context. */
  readonly #number: number;
  readonly #parts: LlamaSequenceContext;
  readonly #scorer: LlamaScorer;
  /** What the KV cache holds. */
  #state: Token[] = [];
  /** How much of the state was evaluated as a prompt: what was generated token by token is rounded differently. */
  #prefilled = 0;
  /** When the native loop's last step ended, on the clock of `performance.now()`. */
  #steppedAt = 0;
  /** The native number of the last token's logits, as long as they are those of the whole state. */
  #output: number | undefined;

  constructor(parts: LlamaSequenceContext, number: number) {
    this.#parts = parts;
    this.#number = number;
    this.#scorer = new LlamaScorer(parts.model, parts.context);
  }

  /** How many tokens of a prompt this sequence would not have to evaluate: whole chunks of the last prompt. */
  commonPrefix(prompt: readonly Token[]): number {
    if (!this.#parts.model.canForget) return 0;
    // The last prompt token is always evaluated, because its logits choose the first token.
    const limit = Math.min(this.#prefilled, prompt.length - 1);
    let common = 0;
    while (common < limit && this.#state[common] === prompt[common]) common++;
    const breaks = toBreaks(this.#parts.snapshots.known.of(prompt));
    return reusableTokens(common, this.#prefilled, { length: prompt.length, breaks });
  }

  /**
   * Generates as {@link Engine.generate} does. One caller at a time: a sequence has one writer.
   *
   * @throws the signal's reason when aborted, within one token or one chunk of the prompt
   */
  async *generate(
    request: GenerationRequest,
    { grammar, signal, waitMs }: GenerationOptions,
  ): AsyncGenerator<GenerationEvent, void, void> {
    const start = performance.now();
    const run: Run = {
      request,
      signal,
      waitMs,
      start,
      breaks: toBreaks(this.#parts.snapshots.known.of(request.prompt)),
      cachedTokens: await this.#reuseState(request),
      evaluatedTokens: 0,
      finishReason: 'length',
      stopped: false,
      deadline: false,
      completionTokens: 0,
      firstTokenAt: start,
      lastTokenAt: start,
    };
    const scores: ScoredToken[] = [];
    const lastChunk = await this.#evaluateButLastChunk(run, scores);
    if (lastChunk !== undefined) yield* this.#continue(run, grammar, lastChunk, scores);
    else if (request.promptLogprobs) yield { type: 'prompt', scores };
    yield { type: 'end', summary: toSummary(run) };
  }

  /** Whether a prompt is what was evaluated last, to the token, and its logits are still there to choose from. */
  #repeats({ prompt, maxTokens, cachePrompt = true, promptLogprobs }: GenerationRequest): boolean {
    if (!cachePrompt || promptLogprobs || maxTokens === 0 || this.#output === undefined) return false;
    if (prompt.length !== this.#state.length || prompt.length !== this.#prefilled) return false;
    return prompt.every((token, index) => token === this.#state[index]);
  }

  /** From the prompt's last chunk to the last token. */
  async *#continue(
    run: Run,
    grammar: AddonGrammar | undefined,
    lastChunk: readonly Token[],
    scores: ScoredToken[],
  ): AsyncGenerator<GenerationEvent, void, void> {
    const { vocabulary, context } = this.#parts;
    const { prompt, maxTokens, stop, promptLogprobs } = run.request;
    if (maxTokens === 0) {
      await this.#evaluatePrompt(lastChunk, prompt.length, run, scores);
      if (promptLogprobs) yield { type: 'prompt', scores };
      return;
    }
    const text = new GeneratedText(vocabulary.detokenizeGenerated, prompt, stop);
    using sampling = new LlamaSampling(this.#parts, run.request, grammar);
    const chooser = { sampling, lookup: new PromptLookup(prompt, this.#parts.lookupTokens) };
    const pending: Promise<readonly Choice[]>[] = [];
    const ask = (choices: Promise<readonly Choice[]>) => {
      // It may fail before anybody waits for it.
      choices.catch(() => {});
      pending.push(choices);
    };
    let loop: TokenLoop | undefined;
    ask(this.#choose(chooser, lastChunk, run, scores));
    try {
      for (let next = pending.shift(), isFirst = true; next !== undefined; next = pending.shift()) {
        const pieces: TextPiece[] = [];
        let last: readonly Token[] = [];
        let isOver = false;
        for (const { token, score, ends, admitted, at } of await next) {
          if (run.completionTokens === 0) run.firstTokenAt = at;
          run.lastTokenAt = at;
          run.completionTokens += 1;
          if (ends) {
            text.end(token, score);
            run.finishReason = 'stop';
          }
          pieces.push(...admitted.map((each) => text.push(each, score)));
          last = admitted;
          isOver = ends || text.stopped;
          if (isOver) break;
        }
        const progress = run.request.progress && toSummary(run);
        if (isOver) {
          loop?.stop();
        } else {
          while (pending.length < (loop ? stepsAhead : 1) && this.#mayAsk(run, pending.length)) {
            loop ??= this.#openLoop(run, chooser, last);
            ask(loop ? this.#chooseAhead(loop, run) : this.#choose(chooser, last, run, scores));
          }
          // What is done while a decode runs costs no time. The loop has begun its next one by itself.
          if (loop === undefined && pending.length > 0) {
            await Promise.race([context.started, ...pending]).catch(() => {});
          }
        }
        if (isFirst && promptLogprobs) yield { type: 'prompt', scores };
        isFirst = false;
        for (const piece of pieces) {
          if (piece.text === '' && piece.tokens.length === 0) continue;
          yield { type: 'text', ...piece, ...(progress && { progress }) };
        }
        if (isOver) break;
      }
    } finally {
      // Whoever leaves early leaves steps behind that write to the sequence.
      loop?.stop();
      await Promise.allSettled(pending);
    }
    run.stopped = text.stopped;
    if (run.stopped) run.finishReason = 'stop';
    const rest = text.flush();
    if (rest.text !== '' || rest.tokens.length > 0) yield { type: 'text', ...rest };
  }

  /** Whether tokens and time are left for one more step than those that are asked for already. */
  #mayAsk(run: Run, asked: number): boolean {
    const { maxTokens, maxPredictMs } = run.request;
    const { pace } = this.#parts;
    if (run.completionTokens + asked >= maxTokens) return false;
    if (maxPredictMs !== undefined && performance.now() - run.firstTokenAt >= maxPredictMs) return false;
    const expectedMs = pace.expectDecode() * (asked + 1);
    return asked === 0 ? !isTooLate(run, pace, expectedMs) : fits(run, expectedMs);
  }

  /**
   * Opens the native loop, which goes on behind a token, where it chooses as this class would: for the only sequence of its
   * context, with a sampler that is not told anything between two tokens, and where nothing else is read of the logits.
   */
  #openLoop(run: Run, { sampling, lookup }: Chooser, last: readonly Token[]): TokenLoop | undefined {
    const { model, context } = this.#parts;
    const [first] = last;
    const isPlain = run.request.logprobs === undefined && !lookup.guesses && sampling.isSteady;
    if (!isPlain || context.sequences > 1 || model.tokenLoop === undefined) return undefined;
    if (first === undefined || last.length > 1) return undefined;
    this.#output = undefined;
    const { TokenLoop: NativeLoop } = model.tokenLoop;
    return new TokenLoop({
      native: new NativeLoop(context.native, sampling.native, this.#number, this.#state.length, first),
      first,
      onEvaluated: (token) => this.#state.push(token),
      onFailed: () => this.#loseTrack(),
    });
  }

  /** Has the loop choose the next token. */
  async #chooseAhead(loop: TokenLoop, run: Run): Promise<readonly Choice[]> {
    const { vocabulary, pace } = this.#parts;
    const askedAt = performance.now();
    const token = await loop.step();
    const at = performance.now();
    // With what else has waited for llama.cpp's thread, but not the step before it.
    pace.decoded(at - Math.max(askedAt, this.#steppedAt));
    this.#steppedAt = at;
    run.signal?.throwIfAborted();
    const ends = vocabulary.isEndOfGeneration(token);
    return [{ token, score: undefined, ends, admitted: ends ? [] : [token], at }];
  }

  /**
   * Evaluates what was chosen last, the prompt's last chunk at first, and chooses the next token; where a guess at the tokens
   * behind it is right, those as well. Of a prompt that repeats the last one there is nothing to evaluate.
   */
  async #choose(
    { sampling, lookup }: Chooser,
    evaluated: readonly Token[],
    run: Run,
    scores: ScoredToken[],
  ): Promise<readonly Choice[]> {
    const { logprobs, promptLogprobs, prompt, maxTokens } = run.request;
    const { context, pace, vocabulary, model } = this.#parts;
    const isPrompt = run.completionTokens === 0;
    const mayGuess = !isPrompt && model.canForget && hasTimeToGuess(run, pace);
    const guess = mayGuess ? lookup.guess(Math.max(0, maxTokens - run.completionTokens - 1)) : [];
    // The prompt's own tokens are scored here as well when its last chunk is evaluated.
    const within = isPrompt && promptLogprobs ? evaluated.slice(1) : [];
    const start = performance.now();
    const choose = async (output: number): Promise<Choice> => {
      const token = await sampling.choose(output);
      const score = logprobs === undefined ? undefined : await this.#scorer.score(output, token, logprobs);
      const ends = vocabulary.isEndOfGeneration(token);
      const admitted = ends ? [] : sampling.admit(token);
      for (const each of admitted) lookup.push(each);
      return { token, score, ends, admitted, at: performance.now() };
    };
    const chooseAll = async (outputs: Uint32Array): Promise<readonly Choice[]> => {
      const choices: Choice[] = [];
      for (const [index, output] of outputs.entries()) {
        const choice = await choose(output);
        choices.push(choice);
        const isRight = choice.token === guess[index] && choice.admitted.length === 1;
        if (!isRight || choice.ends || choice.admitted[0] !== choice.token) break;
      }
      this.#unguess(guess.length + 1 - choices.length, outputs[choices.length - 1]);
      lookup.learn(choices.length - 1, guess.length);
      return choices;
    };
    const output = this.#output;
    const tokens = [...evaluated, ...guess];
    const wanted = Array.from({ length: guess.length + 1 }, (_, index) => evaluated.length - 1 + index);
    const choices =
      evaluated.length === 0 && output !== undefined
        ? [await context.exclusively(() => choose(output))]
        : await this.#evaluate(tokens, [...within.keys(), ...wanted], async (outputs) => {
            scores.push(...(await this.#score(outputs, within, run)));
            return chooseAll(outputs.subarray(within.length));
          });
    const end = performance.now();
    if (isPrompt) {
      run.evaluatedTokens += evaluated.length;
      this.#prefilled = prompt.length;
      if (evaluated.length > 0) pace.prefilled(evaluated.length, end - start);
    } else {
      pace.decoded(end - start);
    }
    run.signal?.throwIfAborted();
    return choices;
  }

  /** Takes back what was guessed wrong. Between two decodes only. `output` is that of the last token which stays. */
  #unguess(wrong: number, output: number | undefined): void {
    if (wrong === 0) return;
    const end = this.#state.length - wrong;
    this.#parts.context.native.removeTokenCellsFromSequence(this.#number, end, -1);
    this.#state.length = end;
    this.#output = this.#parts.context.sequences === 1 ? output : undefined;
  }

  /** Evaluates the piece of a prompt that ends at `end`, and scores what follows its tokens where that is asked for. */
  async #evaluatePrompt(
    piece: readonly Token[],
    end: number,
    run: Run,
    scores: ScoredToken[],
  ): Promise<void> {
    const { prompt, promptLogprobs } = run.request;
    const next = promptLogprobs ? prompt.slice(end - piece.length + 1, end + 1) : [];
    scores.push(
      ...(await this.#evaluate(piece, [...next.keys()], (outputs) => this.#score(outputs, next, run))),
    );
    run.evaluatedTokens += piece.length;
    this.#prefilled = end;
  }

  async #score(
    outputs: Uint32Array,
    next: readonly Token[],
    { request: { logprobs = 0 } }: Run,
  ): Promise<ScoredToken[]> {
    const scores: ScoredToken[] = [];
    for (const [index, token] of next.entries())
      scores.push(await this.#scorer.score(outputs[index] ?? -1, token, logprobs));
    return scores;
  }

  /** Evaluates tokens behind the state. */
  async #evaluate<Result>(
    tokens: readonly Token[],
    outputs: readonly number[],
    read: (outputs: Uint32Array) => Promise<Result>,
  ): Promise<Result> {
    const { context } = this.#parts;
    const position = this.#state.length;
    this.#state.push(...tokens);
    this.#output = undefined;
    try {
      return await context.decode({
        sequence: this.#number,
        position,
        tokens,
        outputs,
        read: (numbers) => {
          // Where other sequences decode too, the next one overwrites it.
          if (context.sequences === 1 && outputs.at(-1) === tokens.length - 1) this.#output = numbers.at(-1);
          return read(numbers);
        },
      });
    } catch (error) {
      this.#loseTrack();
      throw error;
    }
  }

  /** What llama.cpp holds now is not known, so none of it is reused. */
  #loseTrack(): void {
    this.#prefilled = 0;
    this.#output = undefined;
  }

  /**
   * Keeps the chunks of the sequence's state that the prompt begins with and erases the rest.
   *
   * @returns how many prompt tokens need no evaluation
   */
  async #reuseState(request: GenerationRequest): Promise<number> {
    if (this.#repeats(request)) return request.prompt.length;
    const { prompt, cachePrompt = true, promptLogprobs } = request;
    const mayReuse = cachePrompt && !promptLogprobs;
    const common = mayReuse ? this.commonPrefix(prompt) : 0;
    if (mayReuse) {
      for (const prefix of this.#parts.snapshots.known.of(prompt).toReversed()) {
        if (prefix.tokens.length <= common) break;
        if (await this.restore(prefix)) return prefix.tokens.length;
      }
    }
    await this.#cut(Math.min(common, this.#prefilled));
    return this.#state.length;
  }

  /** Forgets all but the first tokens of the state. */
  async #cut(common: number): Promise<void> {
    const { native } = this.#parts.context;
    this.#prefilled = common;
    if (common === this.#state.length) return;
    this.#state.length = common;
    this.#output = undefined;
    await this.#parts.context.exclusively(() => {
      if (common > 0 && native.removeTokenCellsFromSequence(this.#number, common, -1)) return;
      native.disposeSequence(this.#number);
      this.#state.length = 0;
      this.#prefilled = 0;
    });
  }

  /**
   * Takes a known prefix's state from its snapshot, in the place of its own.
   *
   * @returns false when there is none, or it cannot be used; the state may then be empty
   */
  async restore(prefix: KnownPrefix): Promise<boolean> {
    const { context, snapshots } = this.#parts;
    const path = snapshots.pathOf(prefix);
    if (path === undefined) return false;
    const { length } = prefix.tokens;
    this.#state = [];
    this.#prefilled = 0;
    this.#output = undefined;
    try {
      const tokens = await context.exclusively(() =>
        context.native.loadSequenceStateFromFile(path, this.#number, length),
      );
      if (tokens.length !== length || !prefix.tokens.every((token, index) => token === tokens[index]))
        throw new Error('it holds other tokens');
    } catch (error) {
      snapshots.discard(prefix.name, error);
      await context.exclusively(() => context.native.disposeSequence(this.#number));
      return false;
    }
    this.#state = [...prefix.tokens];
    this.#prefilled = length;
    return true;
  }

  /**
   * Evaluates a known prefix and writes its state to a file.
   *
   * @throws {Error} when the file cannot be written
   */
  async saveSnapshot({ tokens }: KnownPrefix, path: string): Promise<void> {
    const { context, snapshots } = this.#parts;
    // Cut where a prompt that goes on behind it is cut.
    const { length } = tokens;
    const breaks = toBreaks(snapshots.known.of(tokens));
    await this.#cut(0);
    for (let position = 0; position < length; position = this.#state.length) {
      const end = chunkEnd(position, { length, breaks }, context.longestStep);
      await this.#evaluate(tokens.slice(position, end), [], async () => undefined);
    }
    await context.exclusively(() =>
      context.native.saveSequenceStateToFile(path, this.#number, Uint32Array.from(tokens)),
    );
  }

  /**
   * Evaluates a prompt but for its last chunk, which is left to the token loop.
   *
   * @returns the last chunk, or nothing when there is no time for it
   */
  async #evaluateButLastChunk(run: Run, scores: ScoredToken[]): Promise<readonly Token[] | undefined> {
    const { breaks, request } = run;
    const { prompt } = request;
    const { length } = prompt;
    const { pace, context } = this.#parts;
    const endOf = (from: number) => {
      const longest = Math.min(context.longestStep, pace.promptTokensWithin(longestChunkMs));
      return chunkEnd(from, { length, breaks }, longest);
    };
    let position = run.cachedTokens;
    for (let end = endOf(position); end < length; end = endOf(position)) {
      if (isTooLate(run, pace, pace.expectPrefill(end - position))) return undefined;
      const start = performance.now();
      await this.#evaluatePrompt(prompt.slice(position, end), end, run, scores);
      pace.prefilled(end - position, performance.now() - start);
      position = end;
      run.signal?.throwIfAborted();
    }
    const isLate = isTooLate(run, pace, pace.expectPrefill(length - position));
    return isLate ? undefined : prompt.slice(position);
  }
}

function toBreaks(prefixes: readonly KnownPrefix[]): readonly number[] {
  return prefixes.map(({ tokens }) => tokens.length);
}

/** Whether what takes so long would end before the generation must have ended. */
function fits({ request: { endBy } }: Run, milliseconds: number): boolean {
  return endBy === undefined || performance.now() + milliseconds <= endBy;
}

/** Whether the next step, which takes so long, is refused because it would end too late. */
function isTooLate(run: Run, pace: Pace, stepMs: number): boolean {
  run.deadline = !fits(run, stepMs);
  if (run.deadline) pace.refused();
  return run.deadline;
}

/** A guess makes a step as long as a small piece of a prompt at most. */
function hasTimeToGuess(run: Run, pace: Pace): boolean {
  return fits(run, pace.expectPrefill(smallChunk));
}

function toSummary(run: Run): GenerationSummary {
  const {
    request,
    waitMs,
    start,
    cachedTokens,
    evaluatedTokens,
    finishReason,
    stopped,
    deadline,
    completionTokens,
    firstTokenAt,
    lastTokenAt,
  } = run;
  return {
    finishReason,
    stopped,
    deadline,
    waitMs,
    cachedTokens,
    promptTokens: evaluatedTokens,
    unevaluatedTokens: request.prompt.length - cachedTokens - evaluatedTokens,
    promptMs: (completionTokens === 0 ? performance.now() : firstTokenAt) - start,
    completionTokens,
    completionMs: lastTokenAt - firstTokenAt,
  };
}
