// What a model is loaded with: the context that was asked for, or the largest that fits. It is decided before anything is
// loaded, by arguments alone, so tests need neither a model nor a machine of that size.
import type { GgufFacts } from '../../../model/gguf-facts.ts';
import type { KvType } from '../../engine.ts';
import { InsufficientMemoryError, type MemoryRoom, type MemoryUse, toMebibytes } from '../../memory.ts';
import { longestStepOf, toBatchSize } from '../../sequence/step-size.ts';
import { cellsPadding, contextMemory, type WeightsMemory, weightsMemory } from './memory-need.ts';
import type { ProcessorFeatures } from './repacking.ts';

export interface MemoryRequest {
  /** The model's name. */
  readonly name: string;
  /** Bytes of its files together. */
  readonly sizeBytes: number;
  readonly facts: GgufFacts;
  readonly features: ProcessorFeatures;
  readonly contextSize: number | 'auto';
  readonly kvType: KvType | 'auto';
  /** The type of keys and values in snapshots of prefixes, where there are any. */
  readonly snapshotKvType?: KvType | undefined;
  readonly slots: number;
  readonly lookupTokens: number;
  readonly room: MemoryRoom;
}

export interface MemoryPlan {
  readonly contextSize: number;
  readonly kvType: KvType;
  /** Whether llama.cpp repacks weights. */
  readonly repack: boolean;
  readonly use: MemoryUse;
}

/** The most tokens of context that are taken unasked. */
const largestAutoContext = 8192;
/** Before the context gets shorter than this, keys and values get 8 bits, and weights stay as they are. */
const ampleContext = 4096;
/** A model that has no room for as many is refused, unless fewer are asked for. */
const smallestAutoContext = 1024;

/** What Node, this project and llama.cpp's libraries take: 72 MiB when idle, as measured, and more for requests. */
const programBytes = 96 * 1024 * 1024;
/** What llama.cpp's tables of a vocabulary take for each token: 346 to 363 bytes, as measured. */
const bytesPerVocabularyToken = 360;

/**
 * Chooses the context: as many tokens as fit, up to 8,192 and to what the model was trained on, and no fewer than 1,024. Where
 * they have no room for 4,096 tokens, keys and values are q8_0 instead of f16 (snapshots of prefixes decide for the type that they
 * have), and then weights are not repacked.
 *
 * @throws {InsufficientMemoryError} when nothing fits
 */
export function planMemory(request: MemoryRequest): MemoryPlan {
  const trained = request.facts.memory.trainContextSize || largestAutoContext;
  const { contextSize } = request;
  const longest = Math.min(trained, contextSize === 'auto' ? largestAutoContext : contextSize);
  const shortest = contextSize === 'auto' ? Math.min(longest, smallestAutoContext) : longest;
  for (const { kvType, fewest, repackOnly } of listChoices(request)) {
    const sizes = contextSizes(longest, Math.max(shortest, Math.min(longest, fewest)));
    const plan = findFitting(request, sizes, { kvType, repackOnly });
    if (plan !== undefined) return plan;
  }
  throw new InsufficientMemoryError(toRefusal(request, shortest));
}

interface Choice {
  readonly kvType: KvType;
  /** The fewest tokens of context that are worth it. */
  readonly fewest: number;
  readonly repackOnly: boolean;
}

/** The best first. */
function listChoices(request: MemoryRequest): Choice[] {
  const kvTypes = listKvTypes(request);
  // The last type is the smallest one, and takes any context.
  return [true, false].flatMap((repackOnly) =>
    kvTypes.map((kvType, index) => {
      const isLast = !repackOnly && index === kvTypes.length - 1;
      return { kvType, repackOnly, fewest: isLast ? 0 : ampleContext };
    }),
  );
}

function listKvTypes({ facts, kvType, snapshotKvType }: MemoryRequest): KvType[] {
  // The contexts of vectors are without flash attention, which q8_0 needs.
  if (isForVectors(facts)) return ['f16'];
  if (kvType !== 'auto') return [kvType];
  if (snapshotKvType !== undefined) return [snapshotKvType];
  return ['f16', 'q8_0'];
}

/** Falling, by as many tokens as llama.cpp pads a context to. */
function contextSizes(longest: number, shortest: number): number[] {
  const steps = Math.max(0, Math.floor((longest - 1) / cellsPadding));
  const padded = Array.from({ length: steps }, (_, index) => (steps - index) * cellsPadding);
  return [longest, ...padded.filter((size) => size >= shortest)];
}

function findFitting(
  request: MemoryRequest,
  sizes: readonly number[],
  { kvType, repackOnly }: Pick<Choice, 'kvType' | 'repackOnly'>,
): MemoryPlan | undefined {
  return sizes
    .flatMap((contextSize) => listPlans(request, contextSize, kvType))
    .find(({ repack, use }) => (repack || !repackOnly) && use.total <= request.room.bytes);
}

/** With weights repacked, and as they are. */
function listPlans(request: MemoryRequest, contextSize: number, kvType: KvType): MemoryPlan[] {
  const { sizeBytes, facts, features } = request;
  const toPlan = (repack: boolean, weights: WeightsMemory): MemoryPlan => {
    const parts = {
      ...weights,
      ...contextMemory(facts, toContextShape(request, contextSize, kvType)),
      program: programBytes + facts.vocabularySize * bytesPerVocabularyToken,
    };
    const total = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
    return { contextSize, kvType, repack, use: { ...parts, total } };
  };
  return [
    toPlan(true, weightsMemory(sizeBytes, facts, features)),
    toPlan(false, weightsMemory(sizeBytes, facts, new Set())),
  ];
}

function toContextShape({ facts, slots, lookupTokens }: MemoryRequest, contextSize: number, kvType: KvType) {
  if (isForVectors(facts)) {
    // A whole text at once.
    return { contextSize, kvType, sequences: 1, batchSize: contextSize, outputs: 0, flashAttention: false };
  }
  const batchSize = toBatchSize({ sequences: slots, longestStep: longestStepOf(slots, false) });
  // Several slots make no guesses.
  const outputs = slots === 1 ? 1 + lookupTokens : slots;
  return { contextSize, kvType, sequences: slots, batchSize, outputs, flashAttention: true };
}

/** Whether a model makes vectors or rankings. */
function isForVectors({ poolingType, causal }: GgufFacts): boolean {
  return Boolean(poolingType) || !causal;
}

/** What the least that is acceptable takes, what there is, and what would fit. */
function toRefusal(request: MemoryRequest, shortest: number): string {
  const { name, room, contextSize } = request;
  const kvType = listKvTypes(request).at(-1) ?? 'f16';
  const [least] = listPlans(request, shortest, kvType).slice(-1);
  if (least === undefined) throw new Error('There is no plan.');
  const missing = `${Math.ceil((least.use.total - room.bytes) / 1024 / 1024)} MiB`;
  const fitting = findFitting(request, contextSizes(shortest, 1).slice(1), { kvType, repackOnly: false });
  const advice =
    fitting === undefined
      ? `It takes ${missing} more memory, or a smaller model.`
      : `CONTEXT_SIZE=${fitting.contextSize} with KV_TYPE=${kvType} fits; this takes ${missing} more memory.`;
  return (
    `${name} does not fit the memory: with ${shortest} tokens of context in ${kvType}` +
    `${contextSize === 'auto' ? ', the least unless CONTEXT_SIZE asks for fewer,' : ''} it takes ` +
    `${describeUse(least.use)}, and ${toMebibytes(room.bytes)} MiB are left for it, as ${room.limit}. ${advice}`
  );
}

/** The sum and its parts. */
export function describeUse(use: MemoryUse): string {
  const { weightsMapped, weightsRepacked, keysAndValues, evaluation, program, total } = use;
  const repacked = weightsRepacked > 0 ? ` and ${toMebibytes(weightsRepacked)} repacked` : '';
  return (
    `${toMebibytes(total)} MiB (weights ${toMebibytes(weightsMapped)}${repacked}, context ${toMebibytes(keysAndValues)}, ` +
    `evaluation ${toMebibytes(evaluation)}, program ${toMebibytes(program)})`
  );
}
