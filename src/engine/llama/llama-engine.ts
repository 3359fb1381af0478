// The engine on llama.cpp: loads a model, and runs generations on its slots.
import { performance } from 'node:perf_hooks';
import { GgufError } from '../../model/gguf-error.ts';
import type { GgufFacts } from '../../model/gguf-facts.ts';
import {
  type AsideOptions,
  type BranchRequest,
  type BranchScores,
  type CacheRule,
  type Engine,
  EngineError,
  type ExpectedPrompt,
  type GenerationEvent,
  type GenerationRequest,
  type KvType,
  type ModelProperties,
  type Token,
} from '../engine.ts';
import { IdleWork } from '../idle-work.ts';
import { InsufficientMemoryError, type MemoryRoom, type MemoryUse, toMebibytes } from '../memory.ts';
import type { KnownPrefix } from '../prompt/known-prefixes.ts';
import { PrefixSnapshots } from '../prompt/prefix-snapshots.ts';
import { longestStepOf } from '../sequence/step-size.ts';
import { LlamaEmbedder } from './llama-embedder.ts';
import { parseGrammar } from './llama-grammar.ts';
import { type LlamaModel, loadLlamaModel } from './llama-model.ts';
import {
  type ArchiveOptions,
  anticipateInSlot,
  createSlots,
  generateInSlot,
  type LlamaSlots,
  type LlamaSlotsOptions,
  type LlamaSlotsParts,
  scoreInSlot,
} from './llama-slots.ts';
import { bakeSnapshots, type PrefixOptions, readSnapshots } from './llama-snapshots.ts';
import { LlamaVocabulary } from './llama-vocabulary.ts';
import { contextMemory } from './memory/memory-need.ts';

export interface LlamaEngineOptions {
  /** The GGUF file, or the first of a split one. */
  readonly modelPath: string;
  /** The facts of the GGUF when they are known already; reading them takes a third of a second. */
  readonly facts?: GgufFacts | undefined;
  /** Tokens of context; a model that was trained with fewer gets fewer. */
  readonly contextSize: number;
  /** Threads that decode. More threads than the CPU quota are many times slower than one. */
  readonly threads: number;
  /** Whether fewer threads decode while other processes keep the processors busy. Default: false. */
  readonly adaptsThreads?: boolean;
  /** Generations that run at once, each with its own context size; their tokens are decoded in one batch. */
  readonly slots: number;
  /** Generations that may wait for a slot. */
  readonly queueLimit: number;
  /** The most tokens to guess by prompt lookup and evaluate together. Default 0: none. */
  readonly lookupTokens?: number;
  /** The type of keys and values. Default f16. */
  readonly kvType?: KvType;
  /** What requests that name no rule may reuse of the cache. Default `common`. */
  readonly rule?: CacheRule;
  /** The most bytes of conversations that have lost their slot. Default 0: none are kept. */
  readonly conversationBytes?: number;
  /** Where conversations are kept that outlive this process. Default: nowhere. */
  readonly archive?: ArchiveOptions | undefined;
  /** The snapshots of known prefixes. Default: none. */
  readonly prefixes?: PrefixOptions;
  /** Whether llama.cpp repacks weights in private memory, in the layout that suits the processor. Default true. */
  readonly repack?: boolean;
  /** Whether prompts that are expected are evaluated while nobody asks for anything. Default: false. */
  readonly anticipates?: boolean;
  /** What all this takes and what there is, where it was added up. */
  readonly memory?: EngineMemory;
}

interface EngineMemory {
  readonly use: MemoryUse;
  readonly room: MemoryRoom;
}

/**
 * Loads a model for the CPU.
 *
 * @throws {EngineError} when the file is missing, llama.cpp cannot load it, or there is not enough memory
 */
export async function loadLlamaEngine(options: LlamaEngineOptions): Promise<LlamaEngine> {
  const { modelPath, threads, slots, queueLimit, lookupTokens = 0, kvType = 'f16' } = options;
  const { rule = 'common', conversationBytes = 0 } = options;
  let model: LlamaModel | undefined;
  try {
    model = await loadLlamaModel(options);
    const contextSize = Math.min(options.contextSize, model.native.getTrainContextSize());
    const vocabulary = new LlamaVocabulary(model);
    const embedder = new LlamaEmbedder({ model, vocabulary, contextSize, threads, queueLimit });
    // A model whose tokens attend to later tokens generates noise.
    const generates = embedder.ability.type === 'none' && model.facts.causal;
    const engine = new LlamaEngine({
      model,
      vocabulary,
      embedder,
      contextSize,
      threads,
      adaptsThreads: options.adaptsThreads,
      queueLimit,
      lookupTokens,
      kvType,
      rule,
      anticipates: options.anticipates ?? false,
      memory: options.memory,
      clock: performance,
    });
    if (generates) {
      const snapshots = readSnapshots(model, { prefixes: options.prefixes, kvType });
      const added = engine.addSlots({
        sequences: slots,
        snapshots,
        conversationBytes,
        archive: options.archive,
      });
      // llama.cpp creates the context on another thread meanwhile.
      snapshots.checkLongest();
      await added;
    }
    return engine;
  } catch (cause) {
    await model?.native.dispose();
    if (cause instanceof GgufError) throw new EngineError(cause.message, { cause });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError(`${modelPath} cannot be loaded: ${reason}. The log has what llama.cpp says.`, {
      cause,
    });
  }
}

interface LlamaEngineParts extends LlamaSlotsParts {
  readonly embedder: LlamaEmbedder;
  readonly anticipates: boolean;
  readonly memory: EngineMemory | undefined;
}

export class LlamaEngine implements Engine {
  readonly #parts: LlamaEngineParts;
  readonly contextSize: number;
  readonly properties: ModelProperties;
  readonly embedder: LlamaEmbedder;
  #generating: LlamaSlots | undefined;
  /** Created by the first request that asks for scores of its prompt. */
  #scoring: Promise<LlamaSlots> | undefined;
  /** The same slots once they exist. */
  #scoringNow: LlamaSlots | undefined;
  readonly #idleWork = new IdleWork<ExpectedPrompt>();
  #disposed = false;

  constructor(parts: LlamaEngineParts) {
    this.#parts = parts;
    this.embedder = parts.embedder;
    this.contextSize = parts.contextSize;
    const { vocabulary } = parts;
    const { native, facts } = parts.model;
    this.properties = {
      chatTemplate: facts.chatTemplate ?? undefined,
      bosToken: vocabulary.toWritten(vocabulary.bos),
      eosToken: vocabulary.toWritten(vocabulary.eos),
      eotToken: vocabulary.toWritten(vocabulary.eot),
      addsBosToken: vocabulary.addsBosToken,
      vocabularySize: vocabulary.size,
      trainContextSize: native.getTrainContextSize(),
      embeddingSize: native.getEmbeddingVectorSize(),
      description: native.getModelDescription(),
      size: native.getModelSize(),
      kvType: parts.kvType,
      memory: parts.memory,
    };
  }

  /** Creates the slots of generations. */
  async addSlots(options: Omit<LlamaSlotsOptions, 'scoring'>): Promise<void> {
    this.#generating = await createSlots(this.#parts, { ...options, scoring: false });
  }

  /** As {@link bakeSnapshots}. */
  bakePrefixes(prefixes: readonly KnownPrefix[], options: PrefixOptions): Promise<void> {
    return bakeSnapshots(prefixes, this.#parts, options);
  }

  /** Forgets how long steps took. The first ones are slow because they read the weights from disk. */
  resetPace(): void {
    this.#generating?.pace.reset();
  }

  /** Restores the snapshot of the longest known prefix in the first slot. */
  async restoreLongestPrefix(): Promise<void> {
    const { pool, snapshots } = this.#generatingSlots();
    const prefix = snapshots.known.all.at(-1);
    if (prefix === undefined) return;
    const sequence = await pool.acquire(() => 0);
    await sequence.restore(prefix);
    pool.release(sequence);
  }

  get prefixes(): readonly KnownPrefix[] {
    return this.#generating?.snapshots.known.all ?? [];
  }

  get slots(): number {
    return this.#generating?.pool.size ?? 0;
  }

  get load(): { running: number; waiting: number } {
    const loads = [this.#generating, this.#scoringNow].map((slots) => slots?.pool.load);
    const sum = (pick: 'running' | 'waiting') =>
      loads.reduce((total, load) => total + (load?.[pick] ?? 0), 0);
    // Nobody has asked for what is evaluated in advance.
    const asked = sum('running') - (this.#idleWork.isRunning ? 1 : 0);
    return { running: asked, waiting: sum('waiting') };
  }

  tokenize(text: string): Token[] {
    return this.#parts.vocabulary.tokenize(text);
  }

  get controlMarks(): RegExp {
    return this.#parts.vocabulary.controlMarks;
  }

  tokenizeText(text: string, options: { special: boolean }): Token[] {
    return this.#parts.vocabulary.tokenizeText(text, options);
  }

  tokenizeAside(text: string, options: AsideOptions): Promise<Token[]> {
    return this.#parts.vocabulary.tokenizeAside(text, options);
  }

  toInfillPrompt(prefix: string, suffix: string): Token[] | undefined {
    return this.#parts.vocabulary.toInfillPrompt(prefix, suffix);
  }

  detokenize(tokens: readonly Token[]): string {
    return this.#parts.vocabulary.detokenize(tokens);
  }

  toBytes(token: Token): Uint8Array {
    return this.#parts.vocabulary.toBytes(token);
  }

  async *generate(
    request: GenerationRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, void> {
    this.#assertPossible(request);
    const { model, clock } = this.#parts;
    const grammar = request.grammar && (await parseGrammar(model, request.grammar));
    const slots = request.promptLogprobs ? await this.#scoringSlots() : this.#generatingSlots();
    // The slot that is at work may be the one that holds the prompt's beginning.
    await this.#idleWork.interrupt();
    yield* generateInSlot(slots, request, { grammar, signal, clock });
  }

  async scoreBranches(request: BranchRequest, signal?: AbortSignal): Promise<BranchScores> {
    const { prompt, branches } = request;
    const behind = branches.map(({ tokens, continuations }) => {
      if (tokens.length === 0) throw new EngineError('A branch has no tokens.');
      return tokens.length + Math.max(...continuations.map(({ length }) => length));
    });
    this.#assertPossible({ prompt, maxTokens: behind.reduce((most, each) => Math.max(most, each), 0) });
    await this.#idleWork.interrupt();
    return scoreInSlot(this.#generatingSlots().pool, request, { signal, clock: this.#parts.clock });
  }

  anticipate(expect: () => Promise<ExpectedPrompt | undefined>): void {
    const slots = this.#generating;
    if (!this.#parts.anticipates || slots === undefined) return;
    this.#idleWork.plan({
      prepare: async () => {
        if (slots.pool.load.running > 0) return undefined;
        const expected = await expect();
        // Behind a longer one there is no room for an answer.
        return expected && expected.prompt.length < this.contextSize ? expected : undefined;
      },
      work: (expected, signal) => anticipateInSlot(slots.pool, expected, signal),
    });
  }

  async settled(mostLateMs?: number): Promise<void> {
    await this.#generating?.archive?.settled(mostLateMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#idleWork.interrupt();
    // A decode must not lose its memory, so earlier calls finish first.
    await this.embedder[Symbol.asyncDispose]();
    for (const slots of [this.#generating, await this.#scoring?.catch(() => undefined)]) {
      await slots?.pool.whenIdle();
      await slots?.archive?.settled();
      await slots?.context.dispose();
    }
    await this.#parts.vocabulary.settled();
    await this.#parts.model.native.dispose();
  }

  #generatingSlots(): LlamaSlots {
    if (this.#generating === undefined) throw new EngineError('This model does not generate text.');
    return this.#generating;
  }

  /**
   * Prompts are scored without flash attention, as llama-cpp-python does by default. With it log-probabilities differ by 0.07 on
   * average and by up to 0.9, and are no worse (docs/decisions/0005).
   */
  async #scoringSlots(): Promise<LlamaSlots> {
    this.#generatingSlots();
    if (this.#scoring === undefined) this.#assertScoringFits();
    this.#scoring ??= createSlots(this.#parts, {
      sequences: 1,
      scoring: true,
      snapshots: PrefixSnapshots.none(),
    }).catch((error: unknown) => {
      this.#scoring = undefined;
      throw error;
    });
    const slots = await this.#scoring;
    this.#scoringNow = slots;
    this.#assertAlive();
    return slots;
  }

  /** The context that scores prompts is no part of what was added up at the start, because few ask for it. */
  #assertScoringFits(): void {
    const { contextSize, model, memory } = this.#parts;
    if (memory === undefined) return;
    const batchSize = longestStepOf(1, true);
    const { keysAndValues, evaluation } = contextMemory(model.facts, {
      contextSize,
      sequences: 1,
      kvType: 'f16',
      batchSize,
      outputs: batchSize,
      flashAttention: false,
    });
    const needed = keysAndValues + evaluation;
    const left = memory.room.bytes - memory.use.total;
    if (needed <= left) return;
    throw new InsufficientMemoryError(
      `Log-probabilities of a prompt take ${toMebibytes(needed)} MiB more memory, and ${toMebibytes(left)} MiB are left, as ` +
        `${memory.room.limit}. A smaller CONTEXT_SIZE makes room for them.`,
    );
  }

  #assertAlive(): void {
    if (this.#disposed) throw new EngineError('The engine is shut down.');
  }

  #assertPossible({ prompt, maxTokens }: Pick<GenerationRequest, 'prompt' | 'maxTokens'>): void {
    this.#assertAlive();
    if (prompt.length === 0) throw new EngineError('The prompt has no tokens.');
    // llama.cpp would silently drop the beginning of a longer text.
    if (prompt.length + Math.max(1, maxTokens) > this.contextSize) {
      throw new EngineError(
        `${prompt.length} prompt tokens and ${maxTokens} more do not fit a context of ${this.contextSize}.`,
      );
    }
  }
}
