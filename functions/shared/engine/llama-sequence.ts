// Generation on one sequence of llama.cpp: the KV cache, the prompt in chunks, the token loop.
import { performance } from 'node:perf_hooks';
import type { LlamaContextSequence, LlamaModel, Token as LlamaToken } from 'node-llama-cpp';
import type { FinishReason, GenerationEvent, GenerationRequest, Sampling, Token } from './engine.ts';
import { chunkEnd, lastChunkEnd } from './prompt-chunks.ts';
import { StopStringScanner } from './stop-strings.ts';
import { TokenTextDecoder } from './token-text.ts';

/**
 * A top-k of 0 makes the library sort the whole vocabulary for every token, and none at all makes it keep 40. What its
 * types do not know is null, which leaves that sampler out: a quarter less time for a token.
 */
const noTopK = null as unknown as number;

/** llama.cpp's own default (`repeat_last_n`). */
const repeatPenaltyWindow = 64;

export class LlamaSequence {
  readonly #model: LlamaModel;
  readonly #sequence: LlamaContextSequence;
  /** How much of the state was evaluated as a prompt: what was generated token by token is rounded differently. */
  #prefilled = 0;

  constructor(model: LlamaModel, sequence: LlamaContextSequence) {
    this.#model = model;
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
    { prompt, maxTokens, sampling, stop }: GenerationRequest,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<GenerationEvent, void, void> {
    const start = performance.now();
    const cachedTokens = await this.#reuseState(prompt);
    const lastChunk = await this.#evaluateButLastChunk(prompt, cachedTokens, signal);

    const decoder = new TokenTextDecoder((tokens, before) => this.#detokenize(tokens, before), prompt);
    const scanner = new StopStringScanner(stop);
    const generated: Token[] = [];
    const samplerOptions = this.#samplerOptions(sampling, prompt, generated);
    let firstTokenAt = start;
    let lastTokenAt = start;
    let finishReason: FinishReason = 'length';

    for await (const token of this.#sequence.evaluate(toLlama(lastChunk), samplerOptions)) {
      lastTokenAt = performance.now();
      if (generated.length === 0) {
        firstTokenAt = lastTokenAt;
        this.#prefilled = prompt.length;
      }
      signal?.throwIfAborted();
      generated.push(token);
      if (this.#model.isEogToken(token)) {
        finishReason = 'stop';
        break;
      }
      const text = scanner.push(decoder.push(token));
      if (text !== '') yield { type: 'text', text };
      if (scanner.stopped || generated.length === maxTokens) break;
    }
    const rest = scanner.flush();
    if (rest !== '') yield { type: 'text', text: rest };
    if (scanner.stopped) finishReason = 'stop';
    yield {
      type: 'end',
      summary: {
        finishReason,
        cachedTokens,
        promptTokens: prompt.length - cachedTokens,
        promptMs: firstTokenAt - start,
        completionTokens: generated.length,
        completionMs: lastTokenAt - firstTokenAt,
      },
    };
  }

  /**
   * Keeps the chunks of the sequence's state that the prompt begins with and erases the rest.
   *
   * @returns how many prompt tokens need no evaluation
   */
  async #reuseState(prompt: readonly Token[]): Promise<number> {
    const common = this.commonPrefix(prompt);
    this.#prefilled = common;
    const end = this.#sequence.nextTokenIndex;
    if (common < end) await this.#sequence.eraseContextTokenRanges([{ start: common, end }]);
    return this.#sequence.nextTokenIndex;
  }

  /** Evaluates a prompt from a chunk's beginning on, and returns its last chunk, which is left to the token loop. */
  async #evaluateButLastChunk(
    prompt: readonly Token[],
    start: number,
    signal: AbortSignal | undefined,
  ): Promise<Token[]> {
    let position = start;
    for (let end = chunkEnd(position); end < prompt.length; end = chunkEnd(position)) {
      await this.#sequence.evaluateWithoutGeneratingNewTokens(toLlama(prompt.slice(position, end)));
      position = end;
      this.#prefilled = end;
      signal?.throwIfAborted();
    }
    return prompt.slice(position);
  }

  #samplerOptions(sampling: Sampling, prompt: readonly Token[], generated: readonly Token[]) {
    const { temperature, topP, topK, minP, seed, repeatPenalty } = sampling;
    const options = { temperature, topP, topK: topK === 0 ? noTopK : topK, minP, seed, yieldEogToken: true };
    if (repeatPenalty === 1) return options;
    const promptTail = prompt.slice(-repeatPenaltyWindow);
    return {
      ...options,
      repeatPenalty: {
        penalty: repeatPenalty,
        maxPunishTokens: repeatPenaltyWindow,
        punishTokens: () => toLlama([...promptTail, ...generated].slice(-repeatPenaltyWindow)),
      },
    };
  }

  #detokenize(tokens: Token[], before: Token[]): string {
    return this.#model.detokenize(toLlama(tokens), false, toLlama(before));
  }
}

/** The library brands its token numbers; ours come from its own tokenizer or were checked at the edge. */
function toLlama(tokens: readonly Token[]): LlamaToken[] {
  return tokens as LlamaToken[];
}
