// Models of random weights, for measuring speed and memory where no real model of that size is at hand. Their vocabulary is
// another GGUF's. The text that they generate is noise.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { readGgufFacts } from '../../src/model/gguf-facts.ts';
import { MANIFEST_FILE, readManifest } from '../../src/model/manifest.ts';
import type { BenchModel } from '../subjects/subject.ts';
import {
  type Entry,
  paddingAfter,
  readEntries,
  toFloat32Entry,
  toStringEntry,
  toText,
  toUint32Entry,
  writeHeader,
} from './gguf-file.ts';
import { bytesOf, type WeightTypeName, weightsOf, weightTypes } from './weights.ts';

interface Shape {
  readonly embedding: number;
  readonly blocks: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly headsKv: number;
  /** Tokens that such a model is trained on. */
  readonly context: number;
  readonly ropeBase: number;
  /** Tokens of the vocabulary; all of the other GGUF's where it says nothing. */
  readonly vocabulary?: number;
  readonly parameters: number;
}

/** Llama 3.2 1B, but for the vocabulary. */
const llama1b: Shape = {
  embedding: 2048,
  blocks: 16,
  feedForward: 8192,
  heads: 32,
  headsKv: 8,
  context: 8192,
  ropeBase: 500_000,
  parameters: 1.07e9,
};

/** Llama 2 7B. */
const llama7b: Shape = {
  embedding: 4096,
  blocks: 32,
  feedForward: 11_008,
  heads: 32,
  headsKv: 32,
  context: 4096,
  ropeBase: 10_000,
  vocabulary: 32_000,
  parameters: 6.74e9,
};

interface Variant {
  readonly shape: Shape;
  /** llama.cpp's name and number of the file type. */
  readonly quantisation: string;
  readonly fileType: number;
  readonly weights: WeightTypeName;
  /** The type of the matrix that gives the logits; the token embeddings serve as that where it says nothing. */
  readonly output?: WeightTypeName;
}

/** The types are those that llama.cpp's quantiser chooses (src/llama-quant.cpp). */
const variants = {
  'random-1b-q4_0': { shape: llama1b, quantisation: 'Q4_0', fileType: 2, weights: 'q4_0' },
  'random-7b-q4_0': { shape: llama7b, quantisation: 'Q4_0', fileType: 2, weights: 'q4_0', output: 'q6_k' },
  'random-7b-q3_k_s': {
    shape: llama7b,
    quantisation: 'Q3_K_S',
    fileType: 11,
    weights: 'q3_k',
    output: 'q6_k',
  },
} as const satisfies Record<string, Variant>;

export type RandomModelName = keyof typeof variants;

interface Tensor {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly type: WeightTypeName;
}

/** Makes a model in a folder, unless it is there. */
export async function makeRandomModel(
  name: RandomModelName,
  folder: string,
  vocabularyOf: BenchModel,
): Promise<BenchModel> {
  const directory = join(folder, name);
  const file = `${name}.gguf`;
  const path = join(directory, file);
  const { shape, quantisation }: Variant = variants[name];
  if (!existsSync(path)) {
    mkdirSync(directory, { recursive: true });
    writeModel(`${path}.part`, variants[name], readTokenizer(vocabularyOf.path, shape.vocabulary));
    renameSync(`${path}.part`, path);
  }
  if (!isDescribed(directory)) {
    const manifest = {
      ...readManifest(vocabularyOf.directory),
      name,
      title: name,
      file,
      sizeBytes: statSync(path).size,
      sha256: '0'.repeat(64),
      parameters: shape.parameters,
      quantisation,
      contextLength: shape.context,
      gguf: await readGgufFacts(path),
    };
    writeFileSync(join(directory, MANIFEST_FILE), JSON.stringify(manifest));
  }
  return { name, directory, path, bytes: readManifest(directory).sizeBytes };
}

/** An earlier version's manifest may lack facts of the GGUF. */
function isDescribed(directory: string): boolean {
  return existsSync(join(directory, MANIFEST_FILE)) && readManifest(directory).gguf !== undefined;
}

interface Tokenizer {
  readonly entries: readonly Entry[];
  readonly size: number;
}

/** A GGUF's tokenizer, or its first tokens and the merges that make them. */
function readTokenizer(path: string, size?: number): Tokenizer {
  const entries = readEntries(readFileSync(path)).filter(({ key }) => key.startsWith('tokenizer.'));
  const tokens = entries.find(({ key }) => key === 'tokenizer.ggml.tokens');
  if (tokens === undefined || !('elements' in tokens)) throw new Error(`${path} has no tokens.`);
  const kept = tokens.elements.slice(0, size);
  const texts = new Set(kept.map(toText));
  const cut = entries.map((entry): Entry => {
    if (!('elements' in entry)) return entry;
    const { elements } = entry;
    if (entry.key === 'tokenizer.ggml.merges') {
      return { ...entry, elements: elements.filter((merge) => texts.has(toText(merge).replace(' ', ''))) };
    }
    return elements.length === tokens.elements.length
      ? { ...entry, elements: elements.slice(0, size) }
      : entry;
  });
  return { entries: cut, size: kept.length };
}

function listTensors({ shape, weights, output }: Variant, vocabularySize: number): Tensor[] {
  const { embedding, blocks, feedForward, heads, headsKv } = shape;
  const headSize = embedding / heads;
  const matrix = (name: string, ...dimensions: number[]): Tensor => ({ name, dimensions, type: weights });
  const norm = (name: string): Tensor => ({ name, dimensions: [embedding], type: 'f32' });
  return [
    matrix('token_embd.weight', embedding, vocabularySize),
    ...Array.from({ length: blocks }, (_, block) => `blk.${block}`).flatMap((block) => [
      norm(`${block}.attn_norm.weight`),
      matrix(`${block}.attn_q.weight`, embedding, embedding),
      matrix(`${block}.attn_k.weight`, embedding, headsKv * headSize),
      matrix(`${block}.attn_v.weight`, embedding, headsKv * headSize),
      matrix(`${block}.attn_output.weight`, embedding, embedding),
      norm(`${block}.ffn_norm.weight`),
      matrix(`${block}.ffn_gate.weight`, embedding, feedForward),
      matrix(`${block}.ffn_up.weight`, embedding, feedForward),
      matrix(`${block}.ffn_down.weight`, feedForward, embedding),
    ]),
    norm('output_norm.weight'),
    ...(output ? [{ name: 'output.weight', dimensions: [embedding, vocabularySize], type: output }] : []),
  ];
}

function writeModel(path: string, variant: Variant, tokenizer: Tokenizer): void {
  const { shape, fileType } = variant;
  const { embedding, blocks, feedForward, heads, headsKv, context, ropeBase } = shape;
  const entries = [
    toStringEntry('general.architecture', 'llama'),
    toUint32Entry('general.file_type', fileType),
    toUint32Entry('general.quantization_version', 2),
    toUint32Entry('llama.context_length', context),
    toUint32Entry('llama.embedding_length', embedding),
    toUint32Entry('llama.block_count', blocks),
    toUint32Entry('llama.feed_forward_length', feedForward),
    toUint32Entry('llama.attention.head_count', heads),
    toUint32Entry('llama.attention.head_count_kv', headsKv),
    toUint32Entry('llama.rope.dimension_count', embedding / heads),
    toFloat32Entry('llama.rope.freq_base', ropeBase),
    toFloat32Entry('llama.attention.layer_norm_rms_epsilon', 1e-5),
    ...tokenizer.entries,
  ];
  const tensors = listTensors(variant, tokenizer.size).map((tensor) => {
    const weights = tensor.dimensions.reduce((product, dimension) => product * dimension, 1);
    return { ...tensor, weights, bytes: bytesOf(tensor.type, weights) };
  });
  const infos = tensors.map(({ type, ...tensor }) => ({ ...tensor, type: weightTypes[type].number }));
  const file = openSync(path, 'w');
  try {
    writeSync(file, writeHeader(entries, infos));
    for (const { type, weights, bytes } of tensors) {
      for (const piece of weightsOf(type, weights)) writeSync(file, piece);
      writeSync(file, Buffer.alloc(paddingAfter(bytes)));
    }
  } finally {
    closeSync(file);
  }
}
