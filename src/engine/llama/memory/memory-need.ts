// How much memory a model takes with a context: arithmetic on the facts of its header, before anything is loaded.
// tests/model/memory.test.ts holds it to what llama.cpp reports and to what a process has.
import type { GgufFacts } from '../../../model/gguf-facts.ts';
import type { KvType } from '../../engine.ts';
import type { MemoryUse } from '../../memory.ts';
import { type ProcessorFeatures, repackedBytes } from './repacking.ts';

const bytesPerNumber = { f16: 2, q8_0: 34 / 32 } as const satisfies Record<KvType, number>;

/** llama.cpp pads a sequence's cells, one for each token, to a multiple of it. */
export const cellsPadding = 256;

export function toCells(contextSize: number): number {
  return Math.ceil(contextSize / cellsPadding) * cellsPadding;
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
  { memory, vocabularySize }: Pick<GgufFacts, 'memory' | 'vocabularySize'>,
  { contextSize, sequences, kvType, batchSize, outputs, flashAttention }: ContextShape,
): ContextMemory {
  const cells = toCells(contextSize);
  const { keyNumbers, valueNumbers, recurrentNumbers } = memory;
  return {
    keysAndValues:
      sequences *
      (cells * (keyNumbers + valueNumbers) * bytesPerNumber[kvType] + recurrentNumbers * float32Bytes),
    evaluation:
      batchSize * bytesPerToken(memory) +
      attentionBytes(memory, { batchSize, cells, flashAttention }) +
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

/** The mask of who sees whom, and without flash attention the scores of all heads. */
function attentionBytes(
  { heads, keyNumbers }: GgufFacts['memory'],
  { batchSize, cells, flashAttention }: { batchSize: number; cells: number; flashAttention: boolean },
): number {
  // A model that keeps no keys attends to the tokens of the batch.
  const seen = keyNumbers > 0 ? cells : batchSize;
  return batchSize * seen * (flashAttention ? 2 : float32Bytes * (heads + 1));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
