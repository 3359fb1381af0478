// The engine on llama.cpp: loads a model and shares its sequences among the generations.
import { performance } from 'node:perf_hooks';
import { getLlama, type Llama, type LlamaGrammar, LlamaLogLevel, type LlamaModel } from 'node-llama-cpp';
import {
  type Engine,
  EngineError,
  type GenerationEvent,
  type GenerationRequest,
  type GenerationSummary,
  type Grammar,
  GrammarError,
  type ModelProperties,
  type Token,
} from './engine.ts';
import { assertGgufHeader } from './gguf-header.ts';
import { LlamaEmbedder } from './llama-embedder.ts';
import { LlamaSequence } from './llama-sequence.ts';
import { LlamaVocabulary } from './llama-vocabulary.ts';
import { Pace } from './pace.ts';
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
    const embedder = new LlamaEmbedder({ model, contextSize: options.contextSize, threads, queueLimit });
    const context =
      embedder.ability.type === 'none' && isCausal(model)
        ? await model.createContext({
            contextSize: Math.min(options.contextSize, model.trainContextSize),
            batchSize: longestChunk,
            // Without it a sliding-window model forgets what a cached prompt needs, and evaluates it again unseen.
            swaFullCache: true,
            // It rounds more: log-probabilities are then up to 0.9 from those without it.
            flashAttention: false,
            sequences: slots,
            threads,
            ignoreMemorySafetyChecks: true,
          })
        : undefined;
    const vocabulary = new LlamaVocabulary(model);
    const shared = { model, vocabulary, pace: new Pace() };
    const sequences =
      context === undefined
        ? []
        : Array.from({ length: slots }, () => new LlamaSequence(shared, context.getSequence()));
    return new LlamaEngine({
      llama,
      model,
      vocabulary,
      embedder,
      contextSize: context?.contextSize ?? embedder.contextSize,
      slots: new SlotPool(sequences, queueLimit),
    });
  } catch (cause) {
    await llama?.dispose();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError(`${modelPath} cannot be loaded: ${reason}. The log has what llama.cpp says.`, {
      cause,
    });
  }
}

interface LlamaEngineParts {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly vocabulary: LlamaVocabulary;
  readonly embedder: LlamaEmbedder;
  readonly contextSize: number;
  readonly slots: SlotPool<LlamaSequence>;
}

/** Grammars are parsed by recursion on the native stack; this deep, and this long, none needs to be. */
const longestGrammar = 256 * 1024;
const deepestGrammar = 500;

class LlamaEngine implements Engine {
  readonly #llama: Llama;
  readonly #vocabulary: LlamaVocabulary;
  readonly #slots: SlotPool<LlamaSequence>;
  readonly contextSize: number;
  readonly properties: ModelProperties;
  readonly embedder: LlamaEmbedder;
  #disposed = false;

  constructor({ llama, model, vocabulary, embedder, contextSize, slots }: LlamaEngineParts) {
    this.#llama = llama;
    this.#vocabulary = vocabulary;
    this.embedder = embedder;
    this.contextSize = contextSize;
    this.#slots = slots;
    const { bosString, eosString, eotString } = model.tokens;
    this.properties = {
      chatTemplate: model.fileInfo.metadata.tokenizer.chat_template,
      bosToken: bosString ?? undefined,
      eosToken: eosString ?? undefined,
      eotToken: eotString ?? undefined,
      addsBosToken: vocabulary.addsBosToken,
      vocabularySize: vocabulary.size,
      trainContextSize: model.trainContextSize,
      embeddingSize: model.embeddingVectorSize,
      description: model.typeDescription,
      size: model.size,
    };
  }

  get slots(): number {
    return this.#slots.size;
  }

  get load(): { running: number; waiting: number } {
    return this.#slots.load;
  }

  tokenize(text: string): Token[] {
    return this.#vocabulary.tokenize(text);
  }

  tokenizeText(text: string, options: { special: boolean }): Token[] {
    return this.#vocabulary.tokenizeText(text, options);
  }

  toInfillPrompt(prefix: string, suffix: string): Token[] | undefined {
    return this.#vocabulary.toInfillPrompt(prefix, suffix);
  }

  detokenize(tokens: readonly Token[]): string {
    return this.#vocabulary.detokenize(tokens);
  }

  toBytes(token: Token): Uint8Array {
    return this.#vocabulary.toBytes(token);
  }

  async *generate(
    request: GenerationRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, void> {
    this.#assertPossible(request);
    const grammar = request.grammar && (await this.#parseGrammar(request.grammar));
    const sequence = await this.#acquire(request, signal);
    if (sequence === undefined) {
      yield { type: 'end', summary: toUnstarted(request) };
      return;
    }
    try {
      yield* sequence.generate(request, grammar, signal);
    } finally {
      this.#slots.release(sequence);
    }
  }

  /** Waits for a slot: best the one that has most of the prompt, and none when the time is up first. */
  async #acquire(
    { prompt, endBy }: GenerationRequest,
    signal: AbortSignal | undefined,
  ): Promise<LlamaSequence | undefined> {
    const timeUp =
      endBy === undefined
        ? undefined
        : AbortSignal.timeout(Math.max(0, Math.ceil(endBy - performance.now())));
    const either = AbortSignal.any([signal, timeUp].filter((each) => each !== undefined));
    try {
      return await this.#slots.acquire((slot) => slot.commonPrefix(prompt), either);
    } catch (error) {
      if (timeUp?.aborted && !signal?.aborted) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    // Those asked for before this get their answer: a decode under way must not lose its memory.
    await this.embedder[Symbol.asyncDispose]();
    await this.#slots.whenIdle();
    await this.#llama.dispose();
  }

  #assertPossible({ prompt, maxTokens }: GenerationRequest): void {
    if (this.#disposed) throw new EngineError('The engine is shut down.');
    if (this.slots === 0) throw new EngineError('This model does not generate text.');
    if (prompt.length === 0) throw new EngineError('The prompt has no tokens.');
    // Beyond this the library would drop the beginning of the text without a word.
    if (prompt.length + Math.max(1, maxTokens) > this.contextSize) {
      throw new EngineError(
        `${prompt.length} prompt tokens and ${maxTokens} more do not fit a context of ${this.contextSize}.`,
      );
    }
  }

  async #parseGrammar({ gbnf }: Grammar): Promise<LlamaGrammar> {
    const depth = Math.max(gbnf.split('(').length, gbnf.split('{').length);
    if (gbnf.length > longestGrammar || depth > deepestGrammar) {
      throw new GrammarError(
        `The grammar has ${gbnf.length} characters and ${depth} groups or repetitions; at most ${longestGrammar} and ` +
          `${deepestGrammar} are taken.`,
      );
    }
    try {
      return await this.#llama.createGrammar({ grammar: gbnf });
    } catch (cause) {
      throw new GrammarError('llama.cpp cannot parse the grammar; see its format, GBNF.', { cause });
    }
  }
}

/** Whether the model's tokens see only those before them: of any other, what it "generates" is noise. */
function isCausal({ fileInfo }: LlamaModel): boolean {
  return fileInfo.architectureMetadata.attention?.causal !== false;
}

/** The summary of a generation that found no slot in time. */
function toUnstarted({ prompt }: GenerationRequest): GenerationSummary {
  return {
    finishReason: 'length',
    deadline: true,
    cachedTokens: 0,
    promptTokens: 0,
    unevaluatedTokens: prompt.length,
    promptMs: 0,
    completionTokens: 0,
    completionMs: 0,
  };
}
