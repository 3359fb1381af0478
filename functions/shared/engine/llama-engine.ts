// The engine on llama.cpp. The only file of a function that loads node-llama-cpp.
import { getLlama, type Llama, LlamaLogLevel, type LlamaModel } from 'node-llama-cpp';
import {
  type Engine,
  EngineError,
  type GenerationEvent,
  type GenerationRequest,
  type Token,
} from './engine.ts';
import { assertGgufHeader } from './gguf-header.ts';
import { LlamaSequence } from './llama-sequence.ts';
import { longestChunk } from './prompt-chunks.ts';
import { SlotPool } from './slot-pool.ts';

export interface LlamaEngineOptions {
  /** The GGUF file, or the first of a split one. */
  readonly modelPath: string;
  /** Tokens of context; a model trained on fewer gets fewer. */
  readonly contextSize: number;
  /** Threads that decode. More than the CPU quota holds are many times slower than one. */
  readonly threads: number;
  /** Generations that run at once, each with a context of its own; their tokens are decoded in one batch. */
  readonly slots: number;
  /** Generations that may wait for a slot. */
  readonly queueLimit: number;
}

/**
 * Loads a model, on the CPU.
 *
 * @throws {EngineError} when the file is missing, is not a model that llama.cpp knows, or does not fit the memory
 */
export async function loadLlamaEngine(options: LlamaEngineOptions): Promise<Engine> {
  const { modelPath, threads, slots, queueLimit } = options;
  assertGgufHeader(modelPath);
  let llama: Llama | undefined;
  try {
    llama = await getLlama({
      gpu: false,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      maxThreads: threads,
      logLevel: LlamaLogLevel.error,
      logger: (level, message) => void process.stderr.write(`llama.cpp ${level}: ${message.trimEnd()}\n`),
    });
    // The library's estimate reads the host's memory, never a container's limit, so it decides nothing here.
    const model = await llama.loadModel({ modelPath, gpuLayers: 0, ignoreMemorySafetyChecks: true });
    const context = await model.createContext({
      contextSize: Math.min(options.contextSize, model.trainContextSize),
      batchSize: longestChunk,
      // Without it a sliding-window model forgets what a cached prompt needs, and evaluates it again unseen.
      swaFullCache: true,
      sequences: slots,
      threads,
      ignoreMemorySafetyChecks: true,
    });
    const sequences = Array.from({ length: slots }, () => new LlamaSequence(model, context.getSequence()));
    return new LlamaEngine(llama, model, context.contextSize, new SlotPool(sequences, queueLimit));
  } catch (cause) {
    await llama?.dispose();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError(`${modelPath} cannot be loaded: ${reason}. The log has what llama.cpp says.`, {
      cause,
    });
  }
}

class LlamaEngine implements Engine {
  readonly #llama: Llama;
  readonly #model: LlamaModel;
  readonly #slots: SlotPool<LlamaSequence>;
  readonly contextSize: number;
  #disposed = false;

  constructor(llama: Llama, model: LlamaModel, contextSize: number, slots: SlotPool<LlamaSequence>) {
    this.#llama = llama;
    this.#model = model;
    this.contextSize = contextSize;
    this.#slots = slots;
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
  ): AsyncGenerator<GenerationEvent, void, void> {
    this.#assertPossible(request);
    const sequence = await this.#slots.acquire((slot) => slot.commonPrefix(request.prompt), signal);
    try {
      yield* sequence.generate(request, signal);
    } finally {
      this.#slots.release(sequence);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    // Those asked for before this get their answer: a decode under way must not lose its memory.
    await this.#slots.whenIdle();
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
}
