// The engine on llama.cpp. The only file of a function that imports node-llama-cpp.
import { performance } from 'node:perf_hooks';
import {
  getLlama,
  type Llama,
  type LlamaContextSequence,
  LlamaLogLevel,
  type LlamaModel,
  type Token as LlamaToken,
} from 'node-llama-cpp';
import {
  type Engine,
  EngineError,
  type FinishReason,
  type GenerationRequest,
  type GenerationSummary,
  type Sampling,
  type Token,
} from './engine.ts';
import { assertGgufHeader } from './gguf-header.ts';
import { StopStringScanner } from './stop-strings.ts';
import { TokenTextDecoder } from './token-text.ts';

export interface LlamaEngineOptions {
  /** The GGUF file, or the first of a split one. */
  readonly modelPath: string;
  /** Tokens of context; a model trained on fewer gets fewer. */
  readonly contextSize: number;
  /** Threads that decode. More than the CPU quota holds are many times slower than one. */
  readonly threads: number;
}

/**
 * Tokens of a prompt that are evaluated in one piece. An abort is seen between pieces, and the compute
 * buffers grow with them.
 */
const promptChunk = 128;

/** llama.cpp's own default (`repeat_last_n`). */
const repeatPenaltyWindow = 64;

/**
 * Loads a model, on the CPU.
 *
 * @throws {EngineError} when the file is missing, is not a model that llama.cpp knows, or does not fit the memory
 */
export async function loadLlamaEngine(options: LlamaEngineOptions): Promise<Engine> {
  const { modelPath, threads } = options;
  assertGgufHeader(modelPath);
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    maxThreads: threads,
    logLevel: LlamaLogLevel.error,
    logger: (level, message) => void process.stderr.write(`llama.cpp ${level}: ${message.trimEnd()}\n`),
  });
  try {
    // The library's estimate reads the host's memory, never a container's limit, so it decides nothing here.
    const model = await llama.loadModel({ modelPath, gpuLayers: 0, ignoreMemorySafetyChecks: true });
    const context = await model.createContext({
      contextSize: Math.min(options.contextSize, model.trainContextSize),
      batchSize: promptChunk,
      sequences: 1,
      threads,
      ignoreMemorySafetyChecks: true,
    });
    return new LlamaEngine(llama, model, context.getSequence());
  } catch (cause) {
    await llama.dispose();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError(`${modelPath} cannot be loaded: ${reason}. The log has what llama.cpp says.`, {
      cause,
    });
  }
}

class LlamaEngine implements Engine {
  readonly #llama: Llama;
  readonly #model: LlamaModel;
  readonly #sequence: LlamaContextSequence;
  /** Settles when the generations asked for so far are over: a sequence has one writer. */
  #lastTurn: Promise<void> = Promise.resolve();
  #disposed = false;

  constructor(llama: Llama, model: LlamaModel, sequence: LlamaContextSequence) {
    this.#llama = llama;
    this.#model = model;
    this.#sequence = sequence;
  }

  get contextSize(): number {
    return this.#sequence.contextSize;
  }

  tokenize(text: string): Token[] {
    const { bos, shouldPrependBosToken } = this.#model.tokens;
    const tokens: number[] = this.#model.tokenize(text, true);
    // A model cannot start from nothing, so an empty prompt is the beginning of a text.
    const startsWithBos = bos !== null && (shouldPrependBosToken || tokens.length === 0) && tokens[0] !== bos;
    return startsWithBos ? [bos, ...tokens] : tokens;
  }

  async *generate(
    request: GenerationRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<string, GenerationSummary, void> {
    this.#assertPossible(request);
    const turn = Promise.withResolvers<void>();
    const previousTurn = this.#lastTurn;
    this.#lastTurn = previousTurn.then(() => turn.promise);
    try {
      await previousTurn;
      signal?.throwIfAborted();
      return yield* this.#generateAlone(request, signal);
    } finally {
      turn.resolve();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    // Those asked for before this get their answer: a decode under way must not lose its memory.
    await this.#lastTurn;
    await this.#llama.dispose();
  }

  #assertPossible({ prompt, maxTokens }: GenerationRequest): void {
    if (this.#disposed) throw new EngineError('The engine is shut down.');
    if (prompt.length === 0) throw new EngineError('The prompt has no tokens.');
    // Beyond this the library would drop the beginning of the text without a word.
    if (prompt.length + maxTokens > this.contextSize) {
      throw new EngineError(
        `${prompt.length} prompt tokens and ${maxTokens} more do not fit a context of ${this.contextSize}.`,
      );
    }
  }

  async *#generateAlone(
    { prompt, maxTokens, sampling, stop }: GenerationRequest,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<string, GenerationSummary, void> {
    const start = performance.now();
    const cachedTokens = await this.#reuseState(prompt);
    const unevaluated = prompt.slice(cachedTokens);
    const lastChunk = await this.#evaluatePromptButLastChunk(unevaluated, signal);

    const decoder = new TokenTextDecoder((tokens, before) => this.#detokenize(tokens, before), prompt);
    const scanner = new StopStringScanner(stop);
    const generated: Token[] = [];
    const samplerOptions = this.#samplerOptions(sampling, prompt, generated);
    let firstTokenAt = start;
    let lastTokenAt = start;
    let finishReason: FinishReason = 'length';

    for await (const token of this.#sequence.evaluate(toLlama(lastChunk), samplerOptions)) {
      lastTokenAt = performance.now();
      if (generated.length === 0) firstTokenAt = lastTokenAt;
      signal?.throwIfAborted();
      generated.push(token);
      if (this.#model.isEogToken(token)) {
        finishReason = 'stop';
        break;
      }
      const text = scanner.push(decoder.push(token));
      if (text !== '') yield text;
      if (scanner.stopped || generated.length === maxTokens) break;
    }
    const rest = scanner.flush();
    if (rest !== '') yield rest;
    if (scanner.stopped) finishReason = 'stop';
    return {
      finishReason,
      cachedTokens,
      promptTokens: unevaluated.length,
      promptMs: firstTokenAt - start,
      completionTokens: generated.length,
      completionMs: lastTokenAt - firstTokenAt,
    };
  }

  /**
   * Keeps the part of the sequence's state that the prompt begins with and erases the rest. The last prompt
   * token is always evaluated anew, because its logits choose the first token.
   *
   * @returns how many prompt tokens need no evaluation
   */
  async #reuseState(prompt: readonly Token[]): Promise<number> {
    const state = this.#sequence.contextTokens;
    const limit = Math.min(state.length, prompt.length - 1);
    let common = 0;
    while (common < limit && state[common] === prompt[common]) common++;
    if (common < state.length) {
      await this.#sequence.eraseContextTokenRanges([{ start: common, end: state.length }]);
    }
    // Models with a sliding window or a recurrent state may have to give up more than was asked for.
    return this.#sequence.nextTokenIndex;
  }

  async #evaluatePromptButLastChunk(tokens: Token[], signal: AbortSignal | undefined): Promise<Token[]> {
    let evaluated = 0;
    for (; tokens.length - evaluated > promptChunk; evaluated += promptChunk) {
      const chunk = tokens.slice(evaluated, evaluated + promptChunk);
      await this.#sequence.evaluateWithoutGeneratingNewTokens(toLlama(chunk));
      signal?.throwIfAborted();
    }
    return tokens.slice(evaluated);
  }

  #samplerOptions(sampling: Sampling, prompt: readonly Token[], generated: readonly Token[]) {
    const { temperature, topP, topK, minP, seed, repeatPenalty } = sampling;
    const options = { temperature, topP, topK, minP, seed, yieldEogToken: true };
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
