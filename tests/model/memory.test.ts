// What is added up before a model is loaded, held to what llama.cpp then takes.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { contextMemory, weightsMemory } from '../../src/engine/llama/memory/memory-need.ts';
import { readGgufFacts } from '../../src/model/gguf-facts.ts';
import { processorLibraries } from '../processor.ts';
import { modelPath } from './default-model.ts';
import { type GgufTensor, writeGguf } from './fixtures/gguf-writer.ts';
import type { MemoryReport, ReportedContext } from './fixtures/memory-report.ts';
import { tinyGemma } from './fixtures/tiny-generators.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('fixtures/memory-report.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'memory-'));
const mebibyte = 1024 * 1024;
/** ggml's numbers. */
const types = { f16: 1, q8_0: 8 } as const;

afterAll(() => rmSync(folder, { recursive: true }));

async function report(library: string, path: string, context: ReportedContext): Promise<MemoryReport> {
  const { stdout } = await run(process.execPath, [program, library, path, JSON.stringify(context)]);
  return JSON.parse(stdout) as MemoryReport;
}

interface Shape {
  readonly contextSize: number;
  readonly sequences: number;
  readonly kvType: 'f16' | 'q8_0';
  readonly batchSize: number;
  readonly outputs: number;
  readonly flashAttention: boolean;
}

function toNative({ kvType, contextSize, sequences, ...rest }: Shape): ReportedContext {
  const type = types[kvType];
  const cells = Math.ceil(contextSize / 256) * 256 * sequences;
  return { ...rest, sequences, contextSize: cells, kvCacheKeyType: type, kvCacheValueType: type };
}

describe.each(processorLibraries)('with %s', (library) => {
  const generating: Shape = {
    contextSize: 2048,
    sequences: 1,
    kvType: 'f16',
    batchSize: 512,
    outputs: 1,
    flashAttention: true,
  };

  it('the weights that llama.cpp repacks are known by their types', async () => {
    const path = join(folder, 'types.gguf');
    const parts = writeGguf(...modelOfAllTypes());
    writeFileSync(path, Buffer.concat(parts));
    const { memory } = await readGgufFacts(path);
    const reported = await report(
      library,
      path,
      toNative({ ...generating, contextSize: 256, batchSize: 32 }),
    );
    const features = new Set(reported.features);
    const size = parts.reduce((sum, { length }) => sum + length, 0);

    expect(reported.repacked).toBeGreaterThan(0);
    // llama.cpp tells hundredths of a mebibyte.
    expect(weightsMemory(size, { memory }, features).weightsRepacked / mebibyte).toBeCloseTo(
      reported.repacked / mebibyte,
      1,
    );
  });

  it.each<[string, Partial<Shape>]>([
    ['of 16 bits', {}],
    ['of 8 bits', { kvType: 'q8_0' }],
    ['of four sequences', { contextSize: 300, sequences: 4, batchSize: 131 }],
    ['that scores prompts', { batchSize: 64, outputs: 64, flashAttention: false }],
  ])('the default model and a context %s take the private memory that was added up', async (_, changes) => {
    const shape = { ...generating, ...changes };
    const facts = await readGgufFacts(modelPath);
    const reported = await report(library, modelPath, toNative(shape));
    const weights = weightsMemory(98_362_432, facts, new Set(reported.features));
    const { keysAndValues, evaluation } = contextMemory(facts, shape);
    const { added } = reported;

    expect(weights.weightsRepacked / mebibyte).toBeCloseTo(reported.repacked / mebibyte, 1);
    // The vocabulary's tables are part of the program's memory.
    const vocabulary = facts.vocabularySize * 360;
    expectAbout(added.weights, weights.weightsRepacked + vocabulary, 4 * mebibyte);
    expect(keysAndValues).toBeCloseTo(reported.keysAndValues, -4);
    expectAbout(added.context, keysAndValues, 4 * mebibyte);
    expect(added.evaluation).toBeLessThan(evaluation + 4 * mebibyte);
    expect(added.evaluation).toBeGreaterThan(0.5 * evaluation);
  });

  it.each<['gemma2' | 'gemma3', string, Partial<Shape>]>([
    ['gemma3', 'longer than its windows', {}],
    ['gemma2', 'longer than its windows', {}],
    ['gemma3', 'of several sequences', { contextSize: 1024, sequences: 3, batchSize: 130 }],
    ['gemma3', 'no longer than its windows', { contextSize: 512 }],
    ['gemma3', 'of 8 bits', { kvType: 'q8_0' }],
  ])('a %s and a context %s have the cells that were added up', async (architecture, _, changes) => {
    const path = join(folder, `${architecture}.gguf`);
    writeFileSync(path, tinyGemma(1024, architecture));
    const shape = { ...generating, contextSize: 4096, ...changes };
    const reported = await report(library, path, toNative(shape));

    // llama.cpp tells hundredths of a mebibyte, of either kind of layers.
    expectAbout(
      contextMemory(await readGgufFacts(path), shape).keysAndValues,
      reported.keysAndValues,
      0.01 * mebibyte,
    );
  });
});

function expectAbout(actual: number, expected: number, tolerance: number): void {
  expect(Math.abs(actual - expected)).toBeLessThan(tolerance);
}

/** A Llama of zeros, each of whose layers has weights of another type. */
function modelOfAllTypes(): Parameters<typeof writeGguf> {
  const width = 256;
  const vocabularySize = 256;
  // ggml's number, and the weights and bytes of a block.
  const layerTypes = [
    ...[
      [1, 1, 2],
      [2, 32, 18],
      [3, 32, 20],
      [6, 32, 22],
      [8, 32, 34],
      [10, 256, 84],
      [11, 256, 110],
    ],
    ...[
      [12, 256, 144],
      [13, 256, 176],
      [14, 256, 210],
      [20, 32, 18],
      [23, 256, 136],
      [39, 32, 17],
    ],
  ] as const;
  const tensors = new Map<string, GgufTensor>();
  const addNorm = (name: string) =>
    tensors.set(name, { shape: [width], weights: new Float32Array(width).fill(1) });
  const addMatrix = (
    name: string,
    rows: number,
    columns: number,
    [type, weights, bytes]: (typeof layerTypes)[number],
  ) =>
    tensors.set(name, {
      shape: [columns, rows],
      weights: new Uint8Array(((rows * columns) / weights) * bytes),
      type,
    });
  addMatrix('token_embd.weight', vocabularySize, width, [8, 32, 34]);
  addNorm('output_norm.weight');
  for (const [layer, type] of layerTypes.entries()) {
    addNorm(`blk.${layer}.attn_norm.weight`);
    addNorm(`blk.${layer}.ffn_norm.weight`);
    addMatrix(`blk.${layer}.attn_q.weight`, width, width, type);
    addMatrix(`blk.${layer}.attn_k.weight`, width / 4, width, type);
    addMatrix(`blk.${layer}.attn_v.weight`, width / 4, width, type);
    addMatrix(`blk.${layer}.attn_output.weight`, width, width, type);
    addMatrix(`blk.${layer}.ffn_gate.weight`, 2 * width, width, type);
    addMatrix(`blk.${layer}.ffn_up.weight`, 2 * width, width, type);
    addMatrix(`blk.${layer}.ffn_down.weight`, width, 2 * width, type);
  }
  const metadata = {
    'general.architecture': 'llama',
    'llama.context_length': 256,
    'llama.embedding_length': width,
    'llama.block_count': layerTypes.length,
    'llama.feed_forward_length': 2 * width,
    'llama.attention.head_count': 4,
    'llama.attention.head_count_kv': 1,
    'llama.attention.layer_norm_rms_epsilon': 0.000_01,
    'llama.rope.dimension_count': width / 4,
    'llama.vocab_size': vocabularySize,
    'tokenizer.ggml.model': 'none',
  };
  return [metadata, tensors];
}
