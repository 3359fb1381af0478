// How much memory a model takes with a context: arithmetic on the facts of its header, before anything is loaded.
// tests/model/memory.test.ts holds it to what llama.cpp reports and to what a process has.
import type { GgufFacts } from '../../../model/gguf-facts.ts';
import { canSlide } from '../../../model/sliding-window.ts';
import type { KvType } from '../../engine.ts';
import type { MemoryUse } from '../../memory.ts';
import { type ProcessorFeatures, repackedBytes } from './repacking.ts';

const bytesPerNumber = { f16: 2, q8_0: 34 / 32 } as const satisfies Record<KvType, number>;

/** llama.cpp pads a sequence's cells, one for each token, to a multiple of it. */
export const cellsPadding = 256;

export function toCells(contextSize: number): number {
  return Math.ceil(contextSize / cellsPadding) * cellsPadding;
}

/**
 * The cells that llama.cpp has for a sequence in layers that see only a sliding window: one for each token of the window and of a
 * decode (`llama_kv_cache_iswa`).
 */
export function toWindowCells(
  { architecture, slidingWindow }: Pick<GgufFacts, 'architecture' | 'slidingWindow'>,
  { contextSize, batchSize }: Pick<ContextShape, 'contextSize' | 'batchSize'>,
): number {
  const cells = toCells(contextSize);
  if (slidingWindow === null || !canSlide(architecture)) return cells;
  return toCells(Math.min(cells, slidingWindow + batchSize));
}

export type WeightsMemory = Pick<MemoryUse, 'weightsMapped' | 'weightsRepacked'>;

/** @param sizeBytes - of the model's files */
export function weightsMemory(
  sizeBytes: number,
  { memory }: Pick<GgufFacts, 'memory'>,
  features: ProcessorFeatures,
): WeightsMemory {
  const copied = memory.repackable
    .map((weights) => ({ ...weights, copy: repackedBytes(weights, features) }))
    .filter(({ copy }) => copy > 0);
  return {
    weightsMapped: sizeBytes - sum(copied.map(({ bytes, tied }) => (tied ? 0 : bytes))),
    weightsRepacked: sum(copied.map(({ copy }) => copy)),
  };
}

/** A context of llama.cpp. */
export interface ContextShape {
  /** Tokens that each sequence holds. */
  readonly contextSize: number;
  readonly sequences: number;
  readonly kvType: KvType;
  /** The most tokens of one decode. */
  readonly batchSize: number;
  /** The most tokens of one decode whose logits are wanted. */
  readonly outputs: number;
  readonly flashAttention: boolean;
}

/** llama.cpp fills keys and values with zeros, so they are taken at once; the first decodes fill the rest. */
export type ContextMemory = Pick<MemoryUse, 'keysAndValues' | 'evaluation'>;

export function contextMemory(
  facts: Pick<GgufFacts, 'memory' | 'vocabularySize' | 'architecture' | 'slidingWindow'>,
  shape: ContextShape,
): ContextMemory {
  const { contextSize, sequences, kvType, batchSize, outputs, flashAttention } = shape;
  const { memory, vocabularySize } = facts;
  const cells = toCells(contextSize);
  const windowCells = toWindowCells(facts, shape);
  const { keyNumbers, valueNumbers, recurrentNumbers, windowedNumbers = 0 } = memory;
  const numbers = cells * (keyNumbers + valueNumbers - windowedNumbers) + windowCells * windowedNumbers;
  return {
    keysAndValues: sequences * (numbers * bytesPerNumber[kvType] + recurrentNumbers * float32Bytes),
    evaluation:
      batchSize * bytesPerToken(memory) +
      attentionBytes(memory, { batchSize, cells, windowCells, flashAttention }) +
      // In the buffer of the evaluation, and in that of the results.
      2 * outputs * vocabularySize * float32Bytes,
  };
}

const float32Bytes = 4;

/** What a token has at once within a layer: the residual, its norm and results, and the widest part of the layer thrice. */
function bytesPerToken(memory: GgufFacts['memory']): number {
  const { embeddingLength, feedForwardLength, attentionLength } = memory;
  return float32Bytes * (4 * embeddingLength + 3 * Math.max(feedForwardLength, attentionLength));
}

interface AttentionShape extends Pick<ContextShape, 'batchSize' | 'flashAttention'> {
  readonly cells: number;
  readonly windowCells: number;
}

/** The masks of who sees whom, and without flash attention the scores of all heads. */
function attentionBytes(
  { heads, keyNumbers, windowedNumbers = 0 }: GgufFacts['memory'],
  { batchSize, cells, windowCells, flashAttention }: AttentionShape,
): number {
  // A model that keeps no keys attends to the tokens of the batch.
  const seen = keyNumbers > 0 ? cells : batchSize;
  // Layers behind a window have a mask of their own.
  const masked = windowedNumbers > 0 ? seen + windowCells : seen;
  return flashAttention ? batchSize * masked * 2 : batchSize * (masked + seen * heads) * float32Bytes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
