import { describe, expect, it } from 'vitest';
import {
  describeUse,
  type MemoryRequest,
  planMemory,
} from '../../../../../src/engine/llama/memory/memory-plan.ts';
import { InsufficientMemoryError } from '../../../../../src/engine/memory.ts';
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

function inMebibytes(bytes: number, changes: Partial<MemoryRequest> = {}): MemoryRequest {
  return {
    name: 'llama-2-7b',
    sizeBytes: llama7bQ3Bytes,
    facts: llama7bQ3,
    features: new Set(['AVX2']),
    contextSize: 'auto',
    kvType: 'auto',
    slots: 1,
    lookupTokens: 0,
    room: { bytes: bytes * mebibyte, limit: `the container may have ${bytes} MiB` },
    ...changes,
  };
}

const small = { name: 'smollm2', sizeBytes: smollm2Bytes, facts: smollm2 };
const fourBits = { sizeBytes: llama7bQ4Bytes, facts: llama7bQ4 };

describe('planMemory', () => {
  it.each<[string, MemoryRequest, number, 'f16' | 'q8_0']>([
    ['all that the model was trained on', inMebibytes(16_000), 4096, 'f16'],
    ['8,192 tokens at most', inMebibytes(16_000, small), 8192, 'f16'],
    ['as many tokens of f16 as fit, where 4,096 do', inMebibytes(340, small), 5120, 'f16'],
    ['more tokens of q8_0, where f16 has no room for 4,096', inMebibytes(310, small), 6912, 'q8_0'],
    ['what fits, where not even q8_0 has room for 4,096', inMebibytes(4050), 3840, 'q8_0'],
    ['a type that is asked for, as far as it fits', inMebibytes(4050, { kvType: 'f16' }), 2048, 'f16'],
    ['a context that is asked for', inMebibytes(16_000, { contextSize: 500 }), 500, 'f16'],
    [
      'a context that is asked for, as q8_0 where f16 does not fit',
      inMebibytes(3600, { contextSize: 2000 }),
      2000,
      'q8_0',
    ],
    ['no more than the model was trained on', inMebibytes(16_000, { contextSize: 9000 }), 4096, 'f16'],
    [
      'the type of the snapshots, whose context is shorter then',
      inMebibytes(4050, { snapshotKvType: 'f16' }),
      2048,
      'f16',
    ],
    ['less for several slots', inMebibytes(400, { ...small, slots: 4 }), 3840, 'q8_0'],
    [
      '512 tokens for a model of vectors that was trained on them',
      inMebibytes(4000, { facts: bert, sizeBytes: 1e8 }),
      512,
      'f16',
    ],
  ])('takes %s', (_, request, contextSize, kvType) => {
    const plan = planMemory(request);

    expect(plan).toMatchObject({ contextSize, kvType });
    expect(plan.use.total).toBeLessThanOrEqual(request.room.bytes);
  });

  it('repacks weights where they fit so', () => {
    const { repack, use } = planMemory(inMebibytes(16_000, fourBits));

    expect(repack).toBe(true);
    expect(use.weightsRepacked).toBe(3_642_753_024);
  });

  it('leaves weights as they are, where repacked ones have no room for 4,096 tokens', () => {
    const features = new Set(['AVX2', 'AMX_INT8']);
    const repacked = planMemory(inMebibytes(420, { ...small, features }));
    const mapped = planMemory(inMebibytes(265, { ...small, features }));

    expect(repacked).toMatchObject({ repack: true, kvType: 'f16' });
    expect(mapped).toMatchObject({ repack: false, use: { weightsMapped: smollm2Bytes, weightsRepacked: 0 } });
  });

  it.each<[string, MemoryRequest, string]>([
    [
      'the least that is worth a start',
      inMebibytes(4077, fourBits),
      'llama-2-7b does not fit the memory: with 1024 tokens of context in q8_0, the least unless CONTEXT_SIZE asks for fewer, ' +
        'it takes 4133 MiB (weights 3649, context 272, evaluation 105, program 107), and 4077 MiB are left for it, as the ' +
        'container may have 4077 MiB. CONTEXT_SIZE=768 with KV_TYPE=q8_0 fits; this takes 57 MiB more memory.',
    ],
    [
      'a context that is asked for',
      inMebibytes(4000, { contextSize: 4096, kvType: 'f16' }),
      'llama-2-7b does not fit the memory: with 4096 tokens of context in f16 it takes 5075 MiB (weights 2812, context 2048, ' +
        'evaluation 108, program 107), and 4000 MiB are left for it, as the container may have 4000 MiB. ' +
        'CONTEXT_SIZE=1792 with KV_TYPE=f16 fits; this takes 1076 MiB more memory.',
    ],
    [
      'any context',
      inMebibytes(2048),
      'llama-2-7b does not fit the memory: with 1024 tokens of context in q8_0, the least unless CONTEXT_SIZE asks for fewer, ' +
        'it takes 3296 MiB (weights 2812, context 272, evaluation 105, program 107), and 2048 MiB are left for it, as the ' +
        'container may have 2048 MiB. It takes 1249 MiB more memory, or a smaller model.',
    ],
  ])('refuses %s, with the figures and what would fit', (_, request, message) => {
    expect(() => planMemory(request)).toThrow(new InsufficientMemoryError(message));
  });
});

it('tells a sum and its parts in mebibytes', () => {
  const { use } = planMemory(inMebibytes(16_000, fourBits));

  expect(describeUse(use)).toBe(
    '5912 MiB (weights 175 and 3474 repacked, context 2048, evaluation 108, program 107)',
  );
});
