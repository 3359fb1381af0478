// The weights that llama.cpp copies into private memory when it loads a model, because kernels for this processor want them
// in another layout; the others stay mapped from the file. As ggml/src/ggml-cpu/amx/amx.cpp and repack.cpp of the llama.cpp
// in node-llama-cpp 3.22.1 decide; tests/model/memory.test.ts holds it to that.
import type { RepackableType, RepackableWeights } from '../../../model/gguf-memory.ts';

/** What llama.cpp's library for this processor was compiled for, by ggml's names, such as `AVX2`. */
export type ProcessorFeatures = ReadonlySet<string>;

/** Blocks of AMX's layout over those of the file, where they are larger. */
const amxGrowth: Partial<Record<RepackableType, number>> = {
  Q8_0: 38 / 34,
  Q4_K: 148 / 144,
  Q5_K: 180 / 176,
  IQ4_XS: 138 / 136,
};

const amxTypes = new Set<RepackableType>(['F16', 'Q4_0', 'Q4_1', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K', 'IQ4_XS']);

/** The rows that are interleaved, by a feature and the type. */
const interleaved: Readonly<Record<string, Partial<Record<RepackableType, number>>>> = {
  AVX2: { Q4_0: 8, Q4_K: 8, IQ4_NL: 8, MXFP4: 8 },
  AVX512: { Q2_K: 8 },
  DOTPROD: { Q4_0: 4, Q4_K: 8, Q5_K: 8, Q6_K: 8, IQ4_NL: 4, MXFP4: 4, Q8_0: 4, Q1_0: 4 },
};

/** Bytes of private memory that weights take in the processor's own layout; 0 where they stay as they are. */
export function repackedBytes(
  { type, bytes, rowsMultiple, experts }: RepackableWeights,
  features: ProcessorFeatures,
): number {
  if (features.has('AMX_INT8') && amxTypes.has(type) && rowsMultiple % 32 === 0 && !experts) {
    return bytes * (amxGrowth[type] ?? 1);
  }
  const isInterleaved = Object.entries(interleaved).some(([feature, types]) => {
    const rows = types[type];
    return rows !== undefined && features.has(feature) && rowsMultiple % rows === 0;
  });
  return isInterleaved ? bytes : 0;
}
