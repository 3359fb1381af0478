// Generation on one sequence of llama.cpp: the KV cache, the prompt in chunks, the token loop.
import { performance } from 'node:perf_hooks';
import type { LlamaContextSequence, LlamaGrammar, LlamaModel, Token as LlamaToken } from 'node-llama-cpp';
import type {
  FinishReason,
  GenerationEvent,
  GenerationRequest,
  GenerationSummary,
  ScoredToken,
  Token,
} from './engine.ts';
import { GeneratedText } from './generated-text.ts';
import { LlamaSampling } from './llama-sampling.ts';
import { toScore, toScoringItem } from './llama-scores.ts';
import { type LlamaVocabulary, toLlama } from './llama-vocabulary.ts';
import type { Pace } from './pace.ts';
import { chunkEnd, lastChunkEnd } from './prompt-chunks.ts';

/** What the sequences of one context share. */
export interface LlamaSequenceContext {
  readonly model: LlamaModel;
  readonly vocabulary: LlamaVocabulary;
  readonly pace: Pace;
}

/** One generation: what was asked, and what became of it so far. */
interface Run {
  readonly request: GenerationRequest;
  readonly signal: AbortSignal | undefined;
  readonly start: number;
  cachedTokens: number;
  evaluatedTokens: number;
  finishReason: FinishReason;
  deadline: boolean;
  completionTokens: number;
  firstTokenAt: number;
  lastTokenAt: number;
}

export class LlamaSequence {
  readonly #context: LlamaSequenceContext;
  readonly #sequence: LlamaContextSequence;
  /** How much of the state was evaluated as a prompt: what was generated token by token is rounded differently. */
  #prefilled = 0;

  constructor(context: LlamaSequenceContext, sequence: LlamaContextSequence) {
    this.#context = context;
    this.#sequence = sequence;
  }

  /** How many tokens of a prompt this sequence would not have to evaluate: whole chunks of the last prompt. */
  commonPrefix(prompt: readonly Token[]): number {
    // A recurrent state cannot be cut: the library would evaluate what is kept again, unseen and in one go.
    if (this.#sequence.needsCheckpoints) return 0;
    const state = this.#sequence.contextTokens;
    // The last prompt token is always evaluated, because its logits choose the first token.
    const limit = Math.min(state.length, this.#prefilled, prompt.length - 1);
    let common = 0;
    while (common < limit && state[common] === prompt[common]) common++;
    return lastChunkEnd(common);
  }

  /**
   * Generates as {@link Engine.generate} does. One caller at a time: a sequence has one writer.
   *
   * @throws the signal's reason when aborted, within one token or one chunk of the prompt
   */
  async *generate(
    request: GenerationRequest,
    grammar: LlamaGrammar | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<GenerationEvent, void, void> {
    const start = performance.now();
    const run: Run = {
      request,
      signal,
      start,
      cachedTokens: await this.#reuseState(request),
      evaluatedTokens: 0,
      finishReason: 'length',
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

  /** From the prompt's last chunk to the last token. */
  async *#continue(
    run: Run,
    grammar: LlamaGrammar | undefined,
    lastChunk: readonly Token[],
    scores: ScoredToken[],
  ): AsyncGenerator<GenerationEvent, void, void> {
    const { model, vocabulary, pace } = this.#context;
    const { prompt, maxTokens, stop, logprobs, promptLogprobs, maxPredictMs } = run.request;
    if (maxTokens === 0) {
      const next = promptLogprobs ? lastChunk.slice(1) : [];
      scores.push(...(await this.#evaluateScoring(lastChunk, next, run)));
      run.evaluatedTokens += lastChunk.length;
      this.#prefilled = prompt.length;
      if (promptLogprobs) yield { type: 'prompt', scores };
      return;
    }
    const text = new GeneratedText(vocabulary.detokenizeGenerated, prompt, stop);
    const options = new LlamaSampling(this.#context, run.request, grammar);
    const chosen = this.#sequence.evaluate(toLlama(lastChunk), options.options);
    try {
      let evaluated = lastChunk;
      for (;;) {
        const token = await this.#choose(chosen, evaluated, run);
        const score = logprobs === undefined ? undefined : await this.#score(evaluated, token, run, scores);
        if (run.completionTokens === 1 && promptLogprobs) yield { type: 'prompt', scores };
        if (model.isEogToken(token)) {
          run.finishReason = 'stop';
          text.end(token, score);
          break;
        }
        evaluated = options.admit(token);
        for (const admitted of evaluated) {
          const piece = text.push(admitted, score);
          if (piece.text === '' && piece.tokens.length === 0) continue;
          yield { type: 'text', ...piece, ...(run.request.progress && { progress: toSummary(run) }) };
        }
        if (text.stopped || run.completionTokens >= maxTokens) break;
        if (maxPredictMs !== undefined && performance.now() - run.firstTokenAt >= maxPredictMs) break;
        // Scoring evaluates a token twice.
        if (isTooLate(run, pace.expectDecode() * (logprobs === undefined ? 1 : 2))) break;
      }
    } finally {
      await chosen.return();
    }
    if (text.stopped) run.finishReason = 'stop';
    const rest = text.flush();
    if (rest.text !== '' || rest.tokens.length > 0) yield { type: 'text', ...rest };
  }

  /** Evaluates what was chosen last, the prompt's last chunk at first, and chooses the next token. */
  async #choose(
    chosen: AsyncGenerator<LlamaToken, void, LlamaToken[]>,
    evaluated: readonly Token[],
    run: Run,
  ): Promise<LlamaToken> {
    const start = performance.now();
    const step = await chosen.next(toLlama(evaluated));
    if (step.done) throw new Error('llama.cpp ended the generation without a token.');
    run.lastTokenAt = performance.now();
    run.completionTokens += 1;
    if (run.completionTokens === 1) {
      run.firstTokenAt = run.lastTokenAt;
      run.evaluatedTokens += evaluated.length;
      this.#prefilled = run.request.prompt.length;
      this.#context.pace.prefilled(evaluated.length, run.lastTokenAt - start);
    } else {
      this.#context.pace.decoded(run.lastTokenAt - start);
    }
    run.signal?.throwIfAborted();
    return step.value;
  }

  /**
   * Scores the token that was chosen after `evaluated`. A token's logits are gone when it is sampled, so what was
   * evaluated is taken back and evaluated again, in the same batch size and thus with the same result.
   */
  async #score(
    evaluated: readonly Token[],
    chosen: Token,
    run: Run,
    scores: ScoredToken[],
  ): Promise<ScoredToken> {
    const end = this.#sequence.nextTokenIndex;
    await this.#sequence.eraseContextTokenRanges([{ start: end - evaluated.length, end }]);
    // The prompt's own tokens are scored here as well when its last chunk is evaluated again.
    const isPrompt = run.completionTokens === 1 && run.request.promptLogprobs === true;
    const within = isPrompt ? evaluated.slice(1) : Array(evaluated.length - 1).fill(undefined);
    const found = await this.#evaluateScoring(evaluated, [...within, chosen], run);
    const score = found.pop();
    if (score === undefined) throw new Error('The chosen token was not scored.');
    scores.push(...found);
    return score;
  }

  /** Evaluates tokens and scores those that follow each of them, where one is given. */
  async #evaluateScoring(
    tokens: readonly Token[],
    next: readonly (Token | undefined)[],
    { request: { logprobs = 0 } }: Run,
  ): Promise<ScoredToken[]> {
    const items = tokens.map((token, index) => toScoringItem(token, next[index], logprobs));
    const outputs = await this.#sequence.controlledEvaluate(items);
    return next.flatMap((token, index) =>
      token === undefined ? [] : [toScore(token, logprobs, outputs[index])],
    );
  }

  /**
   * Keeps the chunks of the sequence's state that the prompt begins with and erases the rest.
   *
   * @returns how many prompt tokens need no evaluation
   */
  async #reuseState({ prompt, cachePrompt = true, promptLogprobs }: GenerationRequest): Promise<number> {
    const common = cachePrompt && !promptLogprobs ? this.commonPrefix(prompt) : 0;
    this.#prefilled = common;
    const end = this.#sequence.nextTokenIndex;
    if (common < end) await this.#sequence.eraseContextTokenRanges([{ start: common, end }]);
    return this.#sequence.nextTokenIndex;
  }

  /**
   * Evaluates a prompt but for its last chunk, which is left to the token loop.
   *
   * @returns the last chunk, or nothing when there is no time for it
   */
  async #evaluateButLastChunk(run: Run, scores: ScoredToken[]): Promise<readonly Token[] | undefined> {
    const { prompt, promptLogprobs } = run.request;
    const { pace } = this.#context;
    let position = run.cachedTokens;
    for (let end = chunkEnd(position); end < prompt.length; end = chunkEnd(position)) {
      if (isTooLate(run, pace.expectPrefill(end - position))) return undefined;
      const start = performance.now();
      const chunk = prompt.slice(position, end);
      if (promptLogprobs)
        scores.push(...(await this.#evaluateScoring(chunk, prompt.slice(position + 1, end + 1), run)));
      else await this.#sequence.evaluateWithoutGeneratingNewTokens(toLlama(chunk));
      pace.prefilled(chunk.length, performance.now() - start);
      position = end;
      run.evaluatedTokens += chunk.length;
      this.#prefilled = end;
      run.signal?.throwIfAborted();
    }
    return isTooLate(run, pace.expectPrefill(prompt.length - position)) ? undefined : prompt.slice(position);
  }
}

/** Whether a step that takes so long would end after the time by which the generation must have ended. */
function isTooLate(run: Run, stepMs: number): boolean {
  const { endBy } = run.request;
  run.deadline = endBy !== undefined && performance.now() + stepMs > endBy;
  return run.deadline;
}

function toSummary(run: Run): GenerationSummary {
  const {
    request,
    start,
    cachedTokens,
    evaluatedTokens,
    finishReason,
    deadline,
    completionTokens,
    firstTokenAt,
    lastTokenAt,
  } = run;
  return {
    finishReason,
    deadline,
    cachedTokens,
    promptTokens: evaluatedTokens,
    unevaluatedTokens: request.prompt.length - cachedTokens - evaluatedTokens,
    promptMs: (completionTokens === 0 ? performance.now() : firstTokenAt) - start,
    completionTokens,
    completionMs: lastTokenAt - firstTokenAt,
  };
}
