import { describe, expect, it } from 'vitest';
import { contextMemory, weightsMemory } from '../../../../../src/engine/llama/memory/memory-need.ts';
import { repackedBytes } from '../../../../../src/engine/llama/memory/repacking.ts';
import type { RepackableWeights } from '../../../../../src/model/gguf-memory.ts';
import {
  bert,
  llama7bQ3,
  llama7bQ3Bytes,
  llama7bQ4,
  llama7bQ4Bytes,
  smollm2,
  smollm2Bytes,
} from './facts.ts';

const mebibyte = 1024 * 1024;
const haswell = new Set(['AVX2', 'REPACK']);
const icelake = new Set(['AVX2', 'AVX512', 'REPACK']);
const sapphireRapids = new Set([...icelake, 'AMX_INT8']);
const graviton = new Set(['NEON', 'DOTPROD', 'MATMUL_INT8', 'REPACK']);

describe('repackedBytes', () => {
  const weights = (type: RepackableWeights['type'], changes: Partial<RepackableWeights> = {}) => ({
    type,
    bytes: 1360,
    rowsMultiple: 32,
    experts: false,
    tied: false,
    ...changes,
  });

  it.each<[string, ReadonlySet<string>, RepackableWeights, number]>([
    ['Q4_0 for AVX2', haswell, weights('Q4_0'), 1360],
    ['Q4_1 for AVX2', haswell, weights('Q4_1'), 0],
    ['Q2_K for AVX2', haswell, weights('Q2_K'), 0],
    ['Q2_K for AVX-512', icelake, weights('Q2_K'), 1360],
    ['Q6_K for AVX-512', icelake, weights('Q6_K'), 0],
    ['Q6_K for AMX', sapphireRapids, weights('Q6_K'), 1360],
    ['Q8_0 for AMX, which adds four bytes to a block of 34', sapphireRapids, weights('Q8_0'), 1520],
    ['F16 for AMX', sapphireRapids, weights('F16'), 1360],
    ['experts for AMX, by the rules of AVX2', sapphireRapids, weights('Q4_K', { experts: true }), 1360],
    ['experts of another type for AMX', sapphireRapids, weights('Q6_K', { experts: true }), 0],
    ['24 rows for AMX, by the rules of AVX2', sapphireRapids, weights('Q4_K', { rowsMultiple: 8 }), 1360],
    ['4 rows for AVX2', haswell, weights('Q4_0', { rowsMultiple: 4 }), 0],
    ['Q8_0 for NEON', graviton, weights('Q8_0', { rowsMultiple: 4 }), 1360],
    ['Q4_0 for a processor without any of them', new Set(['SSE3']), weights('Q4_0'), 0],
  ])('%s', (_, features, group, bytes) => {
    expect(repackedBytes(group, features)).toBeCloseTo(bytes, 6);
  });
});

describe('weightsMemory', () => {
  it('maps all weights where nothing is repacked', () => {
    expect(weightsMemory(llama7bQ3Bytes, llama7bQ3, haswell)).toEqual({
      weightsMapped: llama7bQ3Bytes,
      weightsRepacked: 0,
    });
  });

  it('moves repacked weights into private memory', () => {
    const { weightsMapped, weightsRepacked } = weightsMemory(llama7bQ4Bytes, llama7bQ4, haswell);

    expect(weightsRepacked).toBe(3_642_753_024);
    expect(weightsMapped).toBe(llama7bQ4Bytes - 3_642_753_024);
  });

  it('keeps token embeddings mapped beside their repacked copy', () => {
    const { weightsMapped, weightsRepacked } = weightsMemory(smollm2Bytes, smollm2, sapphireRapids);

    expect(weightsMapped).toBe(smollm2Bytes - 66_355_200);
    // As llama.cpp reports: "AMX model buffer size = 95.34 MiB".
    expect(weightsRepacked / mebibyte).toBeCloseTo(95.34, 1);
  });
});

describe('contextMemory', () => {
  const shape = {
    contextSize: 4096,
    sequences: 1,
    kvType: 'f16',
    batchSize: 512,
    outputs: 1,
    flashAttention: true,
  } as const;

  it('adds up keys and values of all layers', () => {
    expect(contextMemory(llama7bQ3, shape).keysAndValues).toBe(2048 * mebibyte);
    expect(contextMemory(llama7bQ3, { ...shape, kvType: 'q8_0' }).keysAndValues).toBe(1088 * mebibyte);
  });

  it('pads each sequence to 256 tokens', () => {
    const { keysAndValues } = contextMemory(llama7bQ3, { ...shape, contextSize: 300, sequences: 4 });

    expect(keysAndValues).toBe(4 * 256 * mebibyte);
  });

  describe('of a model with a sliding window', () => {
    const half = 32 * 4096;
    const gemma = {
      ...llama7bQ3,
      architecture: 'gemma2',
      slidingWindow: 1000,
      memory: { ...llama7bQ3.memory, windowedNumbers: half },
    };

    it('has cells for the window and a decode in its layers', () => {
      const { keysAndValues, evaluation } = contextMemory(gemma, shape);
      // 1,512 tokens, padded.
      const windowCells = 1536;

      expect(keysAndValues).toBe((4096 + windowCells) * half * 2);
      expect(evaluation - contextMemory(llama7bQ3, shape).evaluation).toBe(512 * windowCells * 2);
    });

    it.each([
      ['is shorter than that', gemma, { contextSize: 1400 }],
      ['belongs to an architecture without', { ...gemma, architecture: 'phi3' }, {}],
      ['is of a manifest that knows no layers', { ...gemma, memory: llama7bQ3.memory }, {}],
    ])('has all cells where the context %s', (_, facts, changes) => {
      const whole = { ...shape, ...changes };

      expect(contextMemory(facts, whole).keysAndValues).toBe(contextMemory(llama7bQ3, whole).keysAndValues);
    });
  });

  it('adds a recurrent state for each sequence, whatever the context is', () => {
    const facts = {
      ...llama7bQ3,
      memory: { ...llama7bQ3.memory, keyNumbers: 0, valueNumbers: 0, recurrentNumbers: 1024 },
    };

    expect(contextMemory(facts, { ...shape, sequences: 3 }).keysAndValues).toBe(3 * 4096);
  });

  it('has buffers for the widest part of a layer and the mask of the attention', () => {
    const { evaluation } = contextMemory(smollm2, shape);

    expect(evaluation).toBe(512 * 4 * (4 * 576 + 3 * 1536) + 512 * 4096 * 2 + 2 * 49_152 * 4);
  });

  it('has the scores of all heads without flash attention', () => {
    const scoring = { ...shape, batchSize: 64, outputs: 64, flashAttention: false };
    const { evaluation } = contextMemory(smollm2, scoring);

    expect(evaluation).toBe(64 * 4 * (4 * 576 + 3 * 1536) + 64 * 4096 * 4 * 10 + 2 * 64 * 49_152 * 4);
  });

  it('attends to no more than the batch where no keys are kept', () => {
    const vectors = { ...shape, contextSize: 512, batchSize: 512, outputs: 0, flashAttention: false };

    expect(contextMemory(bert, vectors)).toEqual({
      keysAndValues: 0,
      evaluation: 512 * 4 * (4 * 384 + 3 * 1536) + 512 * 512 * 4 * 13,
    });
  });
});
