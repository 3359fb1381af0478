// Random weights in ggml's types: valid blocks whose scales keep every logit finite.
// Block layouts: https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
import { randomFillSync } from 'node:crypto';

interface WeightType {
  /** ggml's number. */
  readonly number: number;
  /** Weights that share a block. */
  readonly blockWeights: number;
  readonly blockBytes: number;
  /** Where the block's scale stands, and its 16 bits as half precision. The other bytes may have any value. */
  readonly scale?: { readonly offset: number; readonly half: number };
}

/** The scales give weights a standard deviation of 0.01 to 0.05, as trained ones have. */
export const weightTypes = {
  f32: { number: 0, blockWeights: 1, blockBytes: 4 },
  // 0.01 times -8 to 7.
  q4_0: { number: 2, blockWeights: 32, blockBytes: 18, scale: { offset: 0, half: 0x211f } },
  // 0.0004 times -4 to 3 times -32 to 31.
  q3_k: { number: 11, blockWeights: 256, blockBytes: 110, scale: { offset: 108, half: 0x0e8e } },
  // 0.000012 times -32 to 31 times -128 to 127.
  q6_k: { number: 14, blockWeights: 256, blockBytes: 210, scale: { offset: 208, half: 0x00c9 } },
} as const satisfies Record<string, WeightType>;

export type WeightTypeName = keyof typeof weightTypes;

export function bytesOf(type: WeightTypeName, weights: number): number {
  const { blockWeights, blockBytes } = weightTypes[type];
  return (weights / blockWeights) * blockBytes;
}

/** No divisor of a row's blocks, so that rows differ though the pattern repeats. */
const patternBlocks = 65_537;

const patterns = new Map<WeightTypeName, Buffer>();

/** Yields a tensor's data in pieces: ones in F32, random blocks in the other types. */
export function* weightsOf(type: WeightTypeName, weights: number): Generator<Buffer> {
  const pattern = patterns.get(type) ?? makePattern(type);
  patterns.set(type, pattern);
  for (let left = bytesOf(type, weights); left > 0; left -= pattern.length) {
    yield pattern.subarray(0, Math.min(left, pattern.length));
  }
}

function makePattern(type: WeightTypeName): Buffer {
  const { blockBytes, scale }: WeightType = weightTypes[type];
  if (scale === undefined) return Buffer.from(new Float32Array(patternBlocks).fill(1).buffer);
  const pattern = randomFillSync(Buffer.allocUnsafe(patternBlocks * blockBytes));
  for (let block = 0; block < pattern.length; block += blockBytes) {
    pattern.writeUInt16LE(scale.half, block + scale.offset);
  }
  return pattern;
}
