// The engine on llama.cpp: loads a model and shares its sequences among the generations.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { GgufError } from '../../model/gguf-error.ts';
import type { GgufFacts } from '../../model/gguf-facts.ts';
import { toTimeUp } from '../deadline.ts';
import {
  type Engine,
  EngineError,
  type GenerationEvent,
  type GenerationRequest,
  type GenerationSummary,
  type Grammar,
  GrammarError,
  type KvType,
  type ModelProperties,
  type Token,
} from '../engine.ts';
import { Pace } from '../pace.ts';
import { type KnownPrefix, KnownPrefixes } from '../prompt/known-prefixes.ts';
import { PrefixSnapshots, type SnapshotKey } from '../prompt/prefix-snapshots.ts';
import { blockSize, longestChunk } from '../prompt/prompt-chunks.ts';
import { SlotPool } from '../slot-pool.ts';
import type { AddonGrammar } from './llama-addon.ts';
import { LlamaContext } from './llama-context.ts';
import { LlamaEmbedder } from './llama-embedder.ts';
import { type LlamaModel, loadLlamaModel } from './llama-model.ts';
import { LlamaSequence } from './llama-sequence.ts';
import { LlamaVocabulary } from './llama-vocabulary.ts';

export interface LlamaEngineOptions {
  /** The GGUF file, or the first of a split one. */
  readonly modelPath: string;
  /** What its header tells, if that is known already; else it is read, which takes a third of a second. */
  readonly facts?: GgufFacts | undefined;
  /** Tokens of context; a model trained on fewer gets fewer. */
  readonly contextSize: number;
  /** Threads that decode. More than the CPU quota holds are many times slower than one. */
  readonly threads: number;
  /** Generations that run at once, each with a context of its own; their tokens are decoded in one batch. */
  readonly slots: number;
  /** Generations that may wait for a slot. */
  readonly queueLimit: number;
  /** The most tokens that are guessed by what followed the same ones before, and evaluated together. Default 0: none. */
  readonly lookupTokens?: number;
  /** What keys and values are kept as. Default f16. */
  readonly kvType?: KvType;
  /** Where snapshots of known prefixes lie, and the SHA-256 of the model that they must have been made with. */
  readonly prefixes?: PrefixOptions;
}

export interface PrefixOptions {
  readonly directory: string;
  readonly model: string;
}

/**
 * Loads a model, on the CPU.
 *
 * @throws {EngineError} when the file is missing, is not a model that llama.cpp knows, or does not fit the memory
 */
export async function loadLlamaEngine(options: LlamaEngineOptions): Promise<LlamaEngine> {
  const { modelPath, threads, slots, queueLimit, lookupTokens = 0, kvType = 'f16' } = options;
  let model: LlamaModel | undefined;
  try {
    model = await loadLlamaModel(options);
    const contextSize = Math.min(options.contextSize, model.native.getTrainContextSize());
    const vocabulary = new LlamaVocabulary(model);
    const embedder = new LlamaEmbedder({ model, vocabulary, contextSize, threads, queueLimit });
    // Of a model whose tokens see those after them as well, what it "generates" is noise.
    const generates = embedder.ability.type === 'none' && model.facts.causal;
    const engine = new LlamaEngine({
      model,
      vocabulary,
      embedder,
      contextSize,
      threads,
      queueLimit,
      lookupTokens,
      kvType,
    });
    if (generates) {
      const snapshots = readSnapshots(model, options);
      const added = engine.addSlots(slots, snapshots);
      // llama.cpp makes the context on its own thread.
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

interface LlamaEngineParts {
  readonly model: LlamaModel;
  readonly vocabulary: LlamaVocabulary;
  readonly embedder: LlamaEmbedder;
  readonly contextSize: number;
  readonly threads: number;
  readonly queueLimit: number;
  readonly lookupTokens: number;
  readonly kvType: KvType;
}

interface SlotOptions {
  /** Whether prompts are scored on them: without flash attention, with keys and values of f16, a block at a time. */
  readonly scoring: boolean;
  readonly snapshots: PrefixSnapshots;
}

/** Sequences of one context, for whoever comes first. */
interface Slots {
  readonly context: LlamaContext;
  readonly pool: SlotPool<LlamaSequence>;
  readonly pace: Pace;
  readonly snapshots: PrefixSnapshots;
}

/** Grammars are parsed by recursion on the native stack; this deep, and this long, none needs to be. */
const longestGrammar = 256 * 1024;
const deepestGrammar = 500;

export class LlamaEngine implements Engine {
  readonly #parts: LlamaEngineParts;
  readonly contextSize: number;
  readonly properties: ModelProperties;
  readonly embedder: LlamaEmbedder;
  #generating: Slots | undefined;
  /** Made by the first request that has a prompt scored. */
  #scoring: Promise<Slots> | undefined;
  /** The same, once they are made. */
  #scoringNow: Slots | undefined;
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
    };
  }

  /** Makes the context of generations. */
  async addSlots(slots: number, snapshots: PrefixSnapshots): Promise<void> {
    this.#generating = await this.#createSlots(slots, { scoring: false, snapshots });
  }

  /**
   * Evaluates prefixes and writes snapshots of them into a folder, for environments to come.
   * Each has tokens, and leaves room in the context.
   */
  async bakePrefixes(prefixes: readonly KnownPrefix[], { directory, model }: PrefixOptions): Promise<void> {
    mkdirSync(directory, { recursive: true });
    const known = new KnownPrefixes(prefixes);
    const { context, pool } = await this.#createSlots(1, {
      scoring: false,
      snapshots: PrefixSnapshots.unsaved(known),
    });
    const sequence = await pool.acquire(() => 0);
    for (const prefix of known.all) {
      await sequence.saveSnapshot(prefix, join(directory, PrefixSnapshots.fileOf(prefix.name)));
    }
    await context.dispose();
    PrefixSnapshots.write(directory, toSnapshotKey(this.#parts.model, model, this.#parts.kvType), known.all);
  }

  /** Forgets how long steps took: those of an environment that is set up read the weights. */
  resetPace(): void {
    this.#generating?.pace.reset();
  }

  /** Has the first slot begin from the longest known prefix, where one has a snapshot. */
  async restoreLongestPrefix(): Promise<void> {
    const { pool, snapshots } = this.#generatingSlots();
    const prefix = snapshots.known.all.at(-1);
    if (prefix === undefined) return;
    const sequence = await pool.acquire(() => 0);
    await sequence.restore(prefix);
    pool.release(sequence);
  }

  get slots(): number {
    return this.#generating?.pool.size ?? 0;
  }

  get load(): { running: number; waiting: number } {
    const loads = [this.#generating, this.#scoringNow].map((slots) => slots?.pool.load);
    const sum = (pick: 'running' | 'waiting') =>
      loads.reduce((total, load) => total + (load?.[pick] ?? 0), 0);
    return { running: sum('running'), waiting: sum('waiting') };
  }

  tokenize(text: string): Token[] {
    return this.#parts.vocabulary.tokenize(text);
  }

  tokenizeText(text: string, options: { special: boolean }): Token[] {
    return this.#parts.vocabulary.tokenizeText(text, options);
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
    const grammar = request.grammar && this.#parseGrammar(request.grammar);
    const { pool } = request.promptLogprobs ? await this.#scoringSlots() : this.#generatingSlots();
    const askedAt = performance.now();
    const sequence = await acquire(pool, request, signal);
    const waitMs = performance.now() - askedAt;
    if (sequence === undefined) {
      if (request.promptLogprobs) yield { type: 'prompt', scores: [] };
      yield { type: 'end', summary: toUnstarted(request, waitMs) };
      return;
    }
    try {
      yield* sequence.generate(request, { grammar, signal, waitMs });
    } finally {
      pool.release(sequence);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    // Those asked for before this get their answer: a decode under way must not lose its memory.
    await this.embedder[Symbol.asyncDispose]();
    for (const slots of [this.#generating, await this.#scoring?.catch(() => undefined)]) {
      await slots?.pool.whenIdle();
      await slots?.context.dispose();
    }
    await this.#parts.model.native.dispose();
  }

  #generatingSlots(): Slots {
    if (this.#generating === undefined) throw new EngineError('This model does not generate text.');
    return this.#generating;
  }

  /**
   * Prompts are scored without flash attention, as llama-cpp-python does by default: with it the same text has other
   * log-probabilities, by 0.07 in the mean and up to 0.9, though no worse ones (docs/decisions/0005).
   */
  async #scoringSlots(): Promise<Slots> {
    this.#generatingSlots();
    this.#scoring ??= this.#createSlots(1, {
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

  #assertAlive(): void {
    if (this.#disposed) throw new EngineError('The engine is shut down.');
  }

  async #createSlots(sequences: number, { scoring, snapshots }: SlotOptions): Promise<Slots> {
    const { model, vocabulary, contextSize, threads, queueLimit, lookupTokens, kvType } = this.#parts;
    const context = await LlamaContext.create(model, {
      contextSize,
      sequences,
      longestStep: longestStepOf(sequences, scoring),
      threads,
      flashAttention: !scoring,
      ...(!scoring && { kvType }),
    });
    const pace = new Pace();
    const parts = { model, vocabulary, context, pace, snapshots, lookupTokens };
    const slots = Array.from({ length: sequences }, (_, number) => new LlamaSequence(parts, number));
    return { context, pace, snapshots, pool: new SlotPool(slots, queueLimit) };
  }

  #assertPossible({ prompt, maxTokens }: GenerationRequest): void {
    this.#assertAlive();
    if (prompt.length === 0) throw new EngineError('The prompt has no tokens.');
    // Beyond this the library would drop the beginning of the text without a word.
    if (prompt.length + Math.max(1, maxTokens) > this.contextSize) {
      throw new EngineError(
        `${prompt.length} prompt tokens and ${maxTokens} more do not fit a context of ${this.contextSize}.`,
      );
    }
  }

  #parseGrammar({ gbnf }: Grammar): AddonGrammar {
    const depth = Math.max(gbnf.split('(').length, gbnf.split('{').length);
    if (gbnf.length > longestGrammar || depth > deepestGrammar) {
      throw new GrammarError(
        `The grammar has ${gbnf.length} characters and ${depth} groups or repetitions; at most ${longestGrammar} and ` +
          `${deepestGrammar} are taken.`,
      );
    }
    try {
      const { addon } = this.#parts.model;
      return new addon.AddonGrammar(gbnf, { addonExports: addon, rootRuleName: 'root' });
    } catch (cause) {
      throw new GrammarError('llama.cpp cannot parse the grammar; see its format, GBNF.', { cause });
    }
  }
}

/**
 * The most tokens of a prompt that are evaluated together. Of a prompt that is scored each has logits, which take more
 * memory than all else; where there are several slots, the texts of the others wait meanwhile.
 */
function longestStepOf(slots: number, scoring: boolean): number {
  if (scoring) return blockSize;
  return slots > 1 ? 2 * blockSize : longestChunk;
}

/**
 * A state is laid out by the number of sequences in its context, so snapshots are of use to a context of one, as on Lambda.
 * A recurrent or a sliding-window model's state is more than a snapshot holds.
 */
function readSnapshots(
  model: LlamaModel,
  { prefixes, slots, kvType = 'f16' }: Pick<LlamaEngineOptions, 'prefixes' | 'slots' | 'kvType'>,
): PrefixSnapshots {
  const canRestore = slots === 1 && model.canForget && model.facts.slidingWindow === null;
  if (prefixes === undefined || !canRestore) return PrefixSnapshots.none();
  return PrefixSnapshots.read(prefixes.directory, toSnapshotKey(model, prefixes.model, kvType));
}

function toSnapshotKey({ release }: LlamaModel, model: string, kvType: KvType): SnapshotKey {
  return { model, release, flashAttention: true, kvType };
}

/** Waits for a slot: best the one that has most of the prompt, and none when the time is up first. */
async function acquire(
  pool: SlotPool<LlamaSequence>,
  { prompt, endBy }: GenerationRequest,
  signal: AbortSignal | undefined,
): Promise<LlamaSequence | undefined> {
  const timeUp = toTimeUp(endBy);
  const either = AbortSignal.any([signal, timeUp].filter((each) => each !== undefined));
  try {
    return await pool.acquire((slot) => slot.commonPrefix(prompt), either);
  } catch (error) {
    if (timeUp?.aborted && !signal?.aborted) return undefined;
    throw error;
  }
}

/** The summary of a generation that found no slot in time. */
function toUnstarted({ prompt }: GenerationRequest, waitMs: number): GenerationSummary {
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
