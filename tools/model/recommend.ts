// Which models of the catalog fit a memory size, with what they may be expected to cost. The memory is added up as at a start, from
// the header of a stored model, or from the shape that the catalog gives of another one.
import { join } from 'node:path';
import { lambdaMegabytesPerCpu } from '../../src/config/cpu.ts';
import { planMemory } from '../../src/engine/llama/memory/memory-plan.ts';
import { InsufficientMemoryError } from '../../src/engine/memory.ts';
import type { GgufFacts } from '../../src/model/gguf-facts.ts';
import { readManifest } from '../../src/model/manifest.ts';
import { dollarsPerSecond } from '../deploy/lambda-prices.ts';
import { modelArtifact } from '../store/artifact.ts';
import type { Catalog, ModelEntry, tasks } from '../store/catalog.ts';
import { isStored } from '../store/stored.ts';
import { formatBytes, formatTable } from '../terminal/format.ts';

export type Task = (typeof tasks)[number];

export interface Recommendation {
  readonly model: ModelEntry;
  /** Tokens. */
  readonly contextSize: number;
  /** Of the model and its context, in bytes. */
  readonly memoryBytes: number;
  readonly tokensPerSecond: number;
  /** Per million generated tokens, for a Lambda function of this size on x86_64 in us-east-1. */
  readonly dollars: number;
}

/**
 * Bytes of weights that one processor reads in a second while it decodes: 9.22 tokens/s of a file of 695 MB with one virtual CPU,
 * without AMX, which Lambda does not promise (docs/benchmark/sizes/table.txt). Decoding reads all weights for each token.
 */
const weightBytesPerSecond = 9.22 * 695e6;

/** Decoding takes no more threads than this for granted: memory, not processors, limits it then. */
const mostProcessors = 4;

/**
 * Lists the models that fit, the largest first; those with room for few tokens come last.
 *
 * @param root the store's folder
 */
export function recommend(
  catalog: Catalog,
  root: string,
  { bytes, task }: { readonly bytes: number; readonly task: Task },
): Recommendation[] {
  return catalog.models
    .filter((model) => model.tasks?.includes(task))
    .map((model) => toRecommendation(model, root, bytes))
    .filter((found) => found !== undefined)
    .toSorted(
      (one, other) =>
        Number(isAmple(other)) - Number(isAmple(one)) || other.model.parameters - one.model.parameters,
    );
}

/** The most that a context of the size `auto` has. A chat with files or tools takes thousands of tokens. */
const ampleTokens = 8192;

function isAmple({ contextSize }: Recommendation): boolean {
  return contextSize >= ampleTokens;
}

function toRecommendation(model: ModelEntry, root: string, bytes: number): Recommendation | undefined {
  const sizeBytes = model.sizeBytes ?? model.approximateSizeBytes;
  const facts = findFacts(model, root);
  if (sizeBytes === undefined || facts === undefined) return undefined;
  try {
    const { contextSize, use } = planMemory({
      name: model.name,
      sizeBytes,
      facts,
      features: new Set(),
      contextSize: 'auto',
      kvType: 'auto',
      slots: 1,
      lookupTokens: 8,
      room: { bytes, limit: 'it was asked for' },
    });
    const megabytes = bytes / 1024 / 1024;
    const processors = Math.min(mostProcessors, megabytes / lambdaMegabytesPerCpu);
    const tokensPerSecond = (processors * weightBytesPerSecond) / sizeBytes;
    const dollars = (1e6 / tokensPerSecond) * dollarsPerSecond(megabytes, 'x86_64');
    return { model, contextSize, memoryBytes: use.total, tokensPerSecond, dollars };
  } catch (error) {
    if (error instanceof InsufficientMemoryError) return undefined;
    throw error;
  }
}

function findFacts(model: ModelEntry, root: string): GgufFacts | undefined {
  if (isStored(root, modelArtifact(model))) return readManifest(join(root, model.name)).gguf;
  return model.shape && toFacts(model.shape, model.contextLength);
}

/** The facts that the memory sum takes. Weights count as they are in the file: whether they are repacked is seen at a start. */
function toFacts(shape: NonNullable<ModelEntry['shape']>, contextLength: number): GgufFacts {
  const { layers, keyNumbers, vocabulary, embedding, feedForward, heads, window } = shape;
  return {
    architecture: window?.architecture ?? 'unknown',
    vocabularySize: vocabulary,
    tokenizer: 'unknown',
    chatTemplate: null,
    rerankTemplate: null,
    addsEosToken: null,
    addsSeparator: null,
    causal: true,
    poolingType: null,
    hasClassifier: false,
    tags: [],
    slidingWindow: window?.tokens ?? null,
    memory: {
      repackable: [],
      trainContextSize: contextLength,
      keyNumbers: layers * keyNumbers,
      valueNumbers: layers * keyNumbers,
      windowedNumbers: (window?.layers ?? 0) * 2 * keyNumbers,
      recurrentNumbers: 0,
      embeddingLength: embedding,
      feedForwardLength: feedForward,
      attentionLength: embedding + 2 * keyNumbers,
      heads,
    },
  };
}

const headings = [
  'MODEL',
  'PARAMETERS',
  'SIZE',
  'CONTEXT',
  'MEMORY',
  'TOKENS/S',
  '$ PER M TOKENS',
  'LICENCE',
];

/** As Lambda counts them. */
function toMegabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}

/** A table, and what to do with it. */
export function describeRecommendations(
  found: readonly Recommendation[],
  { bytes, task }: { readonly bytes: number; readonly task: Task },
): string {
  const [best] = found;
  if (best === undefined)
    return `No model of the catalog for ${task} fits ${toMegabytes(bytes)}. Try more memory with --memory.`;
  const rows = found.map(({ model, contextSize, memoryBytes, tokensPerSecond, dollars }) => [
    model.name,
    `${(model.parameters / 1e9).toFixed(2)}B`,
    formatBytes(model.sizeBytes ?? model.approximateSizeBytes ?? 0),
    String(contextSize),
    toMegabytes(memoryBytes),
    tokensPerSecond.toFixed(tokensPerSecond < 10 ? 1 : 0),
    dollars.toFixed(2),
    model.licence,
  ]);
  return [
    `Models for ${task} that fit ${toMegabytes(bytes)}, the largest first. Those with room for less than ${ampleTokens} tokens come last.`,
    '',
    formatTable([headings, ...rows], [1, 2, 3, 4, 5, 6]),
    '',
    'Tokens/s and cost are estimates for a Lambda function of this memory on x86_64, from the size of the weights.',
    `To use the first one: npm run model -- fetch ${best.model.name} && npm run model -- use ${best.model.name}`,
  ].join('\n');
}

/**
 * Parses a memory size such as `4GB`, `512 MB` or `2.5GiB`. Like Lambda and container engines, it counts 1,024 kibibytes as one
 * megabyte.
 *
 * @returns bytes, or undefined for any other text
 */
export function parseMemory(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(MB|MiB|M|GB|GiB|G)?$/i.exec(text.trim()) ?? [];
  if (number === undefined) return undefined;
  const isGiga = unit === undefined ? false : /^g/i.test(unit);
  const bytes = Number(number) * 1024 ** (isGiga ? 3 : 2);
  return bytes > 0 ? Math.round(bytes) : undefined;
}
