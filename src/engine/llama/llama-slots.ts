// The sequences of one context, shared among the generations that ask for them.
import { ConversationArchive } from '../cache/conversation-archive.ts';
import { ConversationCache } from '../cache/conversation-cache.ts';
import type { Clock } from '../clock.ts';
import { toTimeUp } from '../deadline.ts';
import type {
  BranchRequest,
  BranchScores,
  CacheRule,
  ExpectedPrompt,
  GenerationEvent,
  GenerationRequest,
  KvType,
} from '../engine.ts';
import { AttentionTiles } from '../prompt/attention-tiles.ts';
import type { PrefixSnapshots } from '../prompt/prefix-snapshots.ts';
import { toUnstartedSummary } from '../sequence/generation-run.ts';
import { Pace } from '../sequence/pace.ts';
import { PromptSharing } from '../sequence/prompt-sharing.ts';
import { Sequence } from '../sequence/sequence.ts';
import { longestStepOf } from '../sequence/step-size.ts';
import { SlotPool } from '../slot-pool.ts';
import type { StateArchive } from '../state-archive.ts';
import type { NativeGrammar } from './llama-addon.ts';
import { LlamaContext } from './llama-context.ts';
import type { LlamaModel } from './llama-model.ts';
import { LlamaSequence } from './llama-sequence.ts';
import type { LlamaVocabulary } from './llama-vocabulary.ts';
import { contextMemory } from './memory/memory-need.ts';

export interface LlamaSlotsParts {
  readonly model: LlamaModel;
  readonly vocabulary: LlamaVocabulary;
  /** Tokens that each sequence holds. */
  readonly contextSize: number;
  readonly threads: number;
  readonly adaptsThreads?: boolean | undefined;
  readonly queueLimit: number;
  readonly lookupTokens: number;
  readonly kvType: KvType;
  /** What requests that name no rule may reuse. */
  readonly rule: CacheRule;
  readonly clock: Clock;
}

export interface LlamaSlotsOptions {
  readonly sequences: number;
  /** Whether the slots score prompts: without flash attention, with keys and values of f16, a block at a time. */
  readonly scoring: boolean;
  readonly snapshots: PrefixSnapshots;
  /** The most bytes of conversations that have lost their slot. Default 0. */
  readonly conversationBytes?: number;
  /** Default: conversations end with this process. */
  readonly archive?: ArchiveOptions | undefined;
}

export interface ArchiveOptions {
  /** It may be opened while the model loads. */
  readonly archive: StateArchive | Promise<StateArchive>;
  /** The model's SHA-256. */
  readonly model: string;
}

export interface LlamaSlots {
  readonly context: LlamaContext;
  readonly pool: SlotPool<Sequence<NativeGrammar>>;
  readonly pace: Pace;
  readonly snapshots: PrefixSnapshots;
  readonly archive: ConversationArchive | undefined;
}

/** @throws {Error} when there is not enough memory */
export async function createSlots(
  parts: LlamaSlotsParts,
  { sequences, scoring, snapshots, conversationBytes = 0, archive: archiveOptions }: LlamaSlotsOptions,
): Promise<LlamaSlots> {
  const { model, vocabulary, contextSize, threads, adaptsThreads } = parts;
  const { queueLimit, lookupTokens, kvType, rule, clock } = parts;
  // Before there is a context, which would stay if it failed.
  const opened = await archiveOptions?.archive;
  const context = await LlamaContext.create(model, {
    contextSize,
    sequences,
    longestStep: longestStepOf(sequences, scoring),
    threads,
    // The scores of a prompt are the same at any time.
    adaptsThreads: adaptsThreads && !scoring,
    flashAttention: !scoring,
    ...(!scoring && { kvType }),
  });
  const pace = new Pace();
  const conversations = new ConversationCache({
    limitBytes: conversationBytes,
    // llama.cpp saves no more of a sliding-window model than its windows.
    isIndivisible: !model.canForget || model.facts.slidingWindow !== null,
  });
  const sharing = new PromptSharing(conversations);
  const archive =
    archiveOptions &&
    opened &&
    new ConversationArchive({
      archive: opened,
      identity: `${archiveOptions.model} ${model.release} ${kvType} ${sequences}`,
      stateBytes: (tokens) => {
        const shape = { contextSize: tokens, sequences: 1, kvType, batchSize: 0, outputs: 0 };
        return contextMemory(model.facts, { ...shape, flashAttention: true }).keysAndValues;
      },
      conversations,
      expectPrefill: (tokens) => pace.expectPrefill(tokens),
      isEndOfGeneration: (token) => vocabulary.isEndOfGeneration(token),
      clock,
    });
  // Keys and values of 8 bits have none, and in a context of several slots the tokens of the others count too. Layers with a window
  // attend to little.
  const isWindowed = model.facts.slidingWindow !== null;
  const hasTiles = !scoring && kvType === 'f16' && sequences === 1 && !isWindowed;
  const tiles = hasTiles ? new AttentionTiles(model.facts.memory.embeddingLength) : undefined;
  const shared = {
    tiles,
    vocabulary,
    snapshots,
    conversations,
    sharing,
    archive,
    rule,
    pace,
    clock,
    lookupTokens,
  };
  const slots = Array.from({ length: sequences }, (_, number) => {
    return new Sequence({ native: new LlamaSequence({ model, context }, number), ...shared });
  });
  return { context, pace, snapshots, archive, pool: new SlotPool(slots, queueLimit) };
}

export interface SlotGenerationOptions {
  readonly grammar: NativeGrammar | undefined;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
}

/** Generates as {@link Engine.generate} does, in the first slot that is free. */
export async function* generateInSlot(
  { pool, context }: Pick<LlamaSlots, 'pool' | 'context'>,
  request: GenerationRequest,
  { grammar, signal, clock }: SlotGenerationOptions,
): AsyncGenerator<GenerationEvent, void, void> {
  const askedAt = clock.now();
  const sequence = await acquire(pool, request, signal);
  const waitMs = clock.now() - askedAt;
  if (sequence === undefined) {
    if (request.promptLogprobs) yield { type: 'prompt', scores: [] };
    yield { type: 'end', summary: toUnstartedSummary(request, waitMs) };
    return;
  }
  // Other numbers of threads round otherwise.
  const isExact = request.cachePrompt === 'exact';
  if (isExact) context.inference.fixThreads(true);
  try {
    yield* sequence.generate(request, { grammar, signal, waitMs });
  } finally {
    if (isExact) context.inference.fixThreads(false);
    const release = () => pool.release(sequence);
    const archiving = sequence.archiveTurn();
    // The answer is complete, and does not wait for that.
    if (archiving === undefined) release();
    else archiving.then(release, release);
  }
}

/** Scores as {@link Engine.scoreBranches} does, in the first slot that is free. */
export async function scoreInSlot(
  pool: SlotPool<Sequence<NativeGrammar>>,
  request: BranchRequest,
  { signal, clock }: Omit<SlotGenerationOptions, 'grammar'>,
): Promise<BranchScores> {
  const askedAt = clock.now();
  const sequence = await pool.acquire((slot) => slot.reusableTokens(request), signal);
  try {
    return await sequence.scoreBranches(request, { signal, waitMs: clock.now() - askedAt });
  } finally {
    pool.release(sequence);
  }
}

/** Evaluates a prompt in advance in the free slot that holds most of it, where one does. */
export async function anticipateInSlot(
  pool: SlotPool<Sequence<NativeGrammar>>,
  expected: ExpectedPrompt,
  signal: AbortSignal,
): Promise<void> {
  const sequence = await pool.acquire((slot) => slot.reusableTokens(expected), signal);
  try {
    await sequence.anticipate(expected, signal);
  } finally {
    pool.release(sequence);
  }
}

/** Waits for a slot, of several the one that holds most of the prompt. Undefined when the time is up first. */
async function acquire<Slot extends Sequence<NativeGrammar>>(
  pool: SlotPool<Slot>,
  request: GenerationRequest,
  signal: AbortSignal | undefined,
): Promise<Slot | undefined> {
  const timeUp = toTimeUp(request.endBy);
  const either = AbortSignal.any([signal, timeUp].filter((each) => each !== undefined));
  try {
    return await pool.acquire((slot) => slot.reusableTokens(request), either);
  } catch (error) {
    if (timeUp?.aborted && !signal?.aborted) return undefined;
    throw error;
  }
}
