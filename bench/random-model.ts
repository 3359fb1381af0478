// A model of random weights, for measuring speed where no real one is at hand: the shape of a model of a billion
// parameters, with the vocabulary of another GGUF. What it says is noise.

import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { readGgufFacts } from '../src/model/gguf-facts.ts';
import { readManifest } from '../src/model/manifest.ts';
import type { BenchModel } from './subjects/subject.ts';

/** Llama 3.2 1B's, but for the vocabulary: 1.07 billion weights. */
const shape = {
  embedding: 2048,
  blocks: 16,
  feedForward: 8192,
  heads: 32,
  headsKv: 8,
  headSize: 64,
  context: 8192,
};

/** ggml's types and GGUF's. */
const types = { float32: 0, q4_0: 2 } as const;
const uint32 = 4;
const float32 = 6;
const text = 8;
const list = 9;

/** Weights that share a scale in Q4_0, and the bytes that they take with it. */
const q4Weights = 32;
const q4Bytes = 18;
const alignment = 32;

interface Tensor {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly type: (typeof types)[keyof typeof types];
}

/** Makes the model in a folder, unless it is there. */
export async function makeRandomModel(folder: string, vocabularyOf: BenchModel): Promise<BenchModel> {
  const name = 'random-1b-q4_0';
  const directory = join(folder, name);
  const file = `${name}.gguf`;
  const path = join(directory, file);
  if (!existsSync(join(directory, 'model.json'))) {
    mkdirSync(directory, { recursive: true });
    const { vocabularySize } = await readGgufFacts(vocabularyOf.path);
    writeModel(`${path}.part`, readFileSync(vocabularyOf.path), listTensors(vocabularySize));
    renameSync(`${path}.part`, path);
    const sizeBytes = readFileSync(path).length;
    const facts = await readGgufFacts(path);
    writeFileSync(
      join(directory, 'model.json'),
      JSON.stringify({
        ...readManifest(vocabularyOf.directory),
        name,
        file,
        sizeBytes,
        sha256: '0'.repeat(64),
        gguf: facts,
      }),
    );
  }
  return { name, directory, path, bytes: readManifest(directory).sizeBytes };
}

function listTensors(vocabularySize: number): Tensor[] {
  const { embedding, blocks, feedForward, headsKv, headSize } = shape;
  const weights = (name: string, ...dimensions: number[]): Tensor => ({ name, dimensions, type: types.q4_0 });
  const norm = (name: string): Tensor => ({ name, dimensions: [embedding], type: types.float32 });
  return [
    weights('token_embd.weight', embedding, vocabularySize),
    ...Array.from({ length: blocks }, (_, block) => `blk.${block}`).flatMap((block) => [
      norm(`${block}.attn_norm.weight`),
      weights(`${block}.attn_q.weight`, embedding, embedding),
      weights(`${block}.attn_k.weight`, embedding, headsKv * headSize),
      weights(`${block}.attn_v.weight`, embedding, headsKv * headSize),
      weights(`${block}.attn_output.weight`, embedding, embedding),
      norm(`${block}.ffn_norm.weight`),
      weights(`${block}.ffn_gate.weight`, embedding, feedForward),
      weights(`${block}.ffn_up.weight`, embedding, feedForward),
      weights(`${block}.ffn_down.weight`, feedForward, embedding),
    ]),
    norm('output_norm.weight'),
  ];
}

/** https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
function writeModel(path: string, vocabulary: Buffer, tensors: readonly Tensor[]): void {
  const { embedding, blocks, feedForward, heads, headsKv, headSize, context } = shape;
  const entries = [
    entry('general.architecture', text, string('llama')),
    entry('llama.context_length', uint32, number(context)),
    entry('llama.embedding_length', uint32, number(embedding)),
    entry('llama.block_count', uint32, number(blocks)),
    entry('llama.feed_forward_length', uint32, number(feedForward)),
    entry('llama.attention.head_count', uint32, number(heads)),
    entry('llama.attention.head_count_kv', uint32, number(headsKv)),
    entry('llama.rope.dimension_count', uint32, number(headSize)),
    entry('llama.rope.freq_base', float32, fraction(500_000)),
    entry('llama.attention.layer_norm_rms_epsilon', float32, fraction(1e-5)),
    ...readEntries(vocabulary)
      .filter(({ key }) => key.startsWith('tokenizer.'))
      .map(({ bytes }) => bytes),
  ];
  let offset = 0;
  const infos = tensors.map(({ name, dimensions, type }) => {
    const info = [
      string(name),
      number(dimensions.length),
      ...dimensions.map(long),
      number(type),
      long(offset),
    ];
    offset += align(sizeOf({ name, dimensions, type }));
    return Buffer.concat(info);
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    number(3),
    long(tensors.length),
    long(entries.length),
    ...entries,
    ...infos,
  ]);
  const file = openSync(path, 'w');
  try {
    writeSync(file, Buffer.concat([head, Buffer.alloc(align(head.length) - head.length)]));
    for (const tensor of tensors) {
      const bytes = tensor.type === types.float32 ? ones(sizeOf(tensor)) : noise(sizeOf(tensor));
      writeSync(file, Buffer.concat([bytes, Buffer.alloc(align(bytes.length) - bytes.length)]));
    }
  } finally {
    closeSync(file);
  }
}

function sizeOf({ dimensions, type }: Tensor): number {
  const weights = dimensions.reduce((product, dimension) => product * dimension, 1);
  return type === types.float32 ? weights * 4 : (weights / q4Weights) * q4Bytes;
}

function ones(bytes: number): Buffer {
  return Buffer.from(new Float32Array(bytes / 4).fill(1).buffer);
}

/** Blocks of random weights from -0.08 to 0.07, so that no number overflows. */
function noise(bytes: number): Buffer {
  const buffer = randomFillSync(Buffer.allocUnsafe(bytes));
  // 0.01 in 16 bits.
  for (let block = 0; block < bytes; block += q4Bytes) buffer.writeUInt16LE(0x211f, block);
  return buffer;
}

interface Entry {
  readonly key: string;
  readonly bytes: Buffer;
}

/** The metadata of a GGUF, each entry as it stands there. */
function readEntries(gguf: Buffer): Entry[] {
  const count = Number(gguf.readBigUInt64LE(16));
  let position = 24;
  const readString = () => {
    const length = Number(gguf.readBigUInt64LE(position));
    position += 8 + length;
    return gguf.toString('utf8', position - length, position);
  };
  const skip = (type: number): void => {
    if (type === text) readString();
    else if (type === list) {
      const inner = gguf.readUInt32LE(position);
      const length = Number(gguf.readBigUInt64LE(position + 4));
      position += 12;
      for (let index = 0; index < length; index += 1) skip(inner);
    } else position += [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8][type] ?? Number.NaN;
  };
  return Array.from({ length: count }, () => {
    const start = position;
    const key = readString();
    const type = gguf.readUInt32LE(position);
    position += 4;
    skip(type);
    return { key, bytes: gguf.subarray(start, position) };
  });
}

const align = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

function entry(key: string, type: number, value: Buffer): Buffer {
  return Buffer.concat([string(key), number(type), value]);
}

function string(value: string): Buffer {
  return Buffer.concat([long(Buffer.byteLength(value)), Buffer.from(value)]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function fraction(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
