// Loads the model that the environment names, once in a process. It is begun before anything else of a function: llama.cpp
// reads the weights on a thread of its own while JavaScript loads and sets up the rest.
import { performance } from 'node:perf_hooks';
import type { SamplingDefaults } from '../api/sampling.ts';
import type { ModelFile } from '../api/service.ts';
import { readArchiveConfig } from '../config/archive.ts';
import { type FunctionConfig, readConfig } from '../config/config.ts';
import type { Threads } from '../config/cpu.ts';
import type { Environment } from '../config/environment.ts';
import { openLlamaAddon } from '../engine/llama/llama-addon.ts';
import { type LlamaEngine, loadLlamaEngine } from '../engine/llama/llama-engine.ts';
import { describeModel } from '../engine/llama/llama-model.ts';
import { describeUse, planMemory } from '../engine/llama/memory/memory-plan.ts';
import { type MemoryUse, toMebibytes } from '../engine/memory.ts';
import { readModelFolder } from '../model/model-folder.ts';
import { isBehindFront } from '../server/private-socket.ts';
import { conversationRoom } from './conversation-memory.ts';
import { loadOnce } from './load-once.ts';
import { toMemoryRequest } from './model-memory.ts';
import { openArchive } from './open-archive.ts';

export interface LoadedModel {
  readonly config: FunctionConfig;
  /** Its name in the catalog. */
  readonly name: string;
  readonly file: ModelFile;
  /** What its makers advise. */
  readonly sampling: SamplingDefaults | undefined;
  /** What its catalog entry says in the place of the GGUF's. */
  readonly chatTemplate: string | undefined;
  readonly engine: LlamaEngine;
  /** What it was loaded with, a line each. */
  readonly description: readonly string[];
  /** What whoever set it up should know. */
  readonly warnings: readonly string[];
  /** How long it took to load, in milliseconds. */
  readonly loadMs: number;
}

/**
 * Begins to load the model, or returns the load that has begun.
 *
 * @throws {ConfigurationError} when a setting is missing or malformed
 * @throws {InsufficientMemoryError} when the model does not fit the memory
 * @throws {EngineError} when the model cannot be loaded
 */
export const loadModel = loadOnce(load);

async function load(env: Environment): Promise<LoadedModel> {
  const startedAt = performance.now();
  const config = readConfig(env);
  const { modelDirectory, prefixDirectory, threads, slots, queueLimit, lookupTokens, memory: room } = config;
  const folder = readModelFolder(modelDirectory);
  const { name, file, gguf, sha256 } = folder;
  const modelPath = `${modelDirectory}/${file}`;
  if (config.verifyModel)
    await (await import('../model/verify-model.ts')).assertModelIntact(modelDirectory, folder);
  const facts = gguf ?? (await describeModel(modelPath));
  const features = new Set(openLlamaAddon().inference.listProcessorFeatures());
  const { contextSize, kvType, repack, use } = planMemory(toMemoryRequest(config, folder, facts, features));
  const conversationBytes = toConversationBytes(config, use);
  const archiveConfig = readArchiveConfig(env, 'CACHE');
  // A state of the archive goes through the memory of conversations.
  const isArchived = archiveConfig !== undefined && conversationBytes > 0;
  const archive = isArchived ? openArchive(archiveConfig) : undefined;
  // Whoever waits for it is told.
  archive?.catch(() => {});
  const engine = await loadLlamaEngine({
    modelPath,
    facts,
    contextSize,
    threads: threads.count,
    // Other numbers of threads round otherwise.
    adaptsThreads: threads.adapts && config.cacheRule !== 'exact',
    slots,
    queueLimit,
    lookupTokens,
    kvType,
    rule: config.cacheRule,
    conversationBytes,
    archive: archive && { archive, model: sha256 },
    repack,
    // Lambda freezes a function after its answer.
    anticipates: isBehindFront(env),
    memory: { use, room },
    ...(prefixDirectory !== undefined && { prefixes: { directory: prefixDirectory, model: sha256 } }),
  });
  const description = [
    `Model: ${name}, ${contextSize} tokens of context in ${kvType}, ${count(slots, 'slot')}, ${describeThreads(threads)}`,
    `Memory: ${describeUse(use)} of ${toMebibytes(room.bytes)} MiB, and up to ${toMebibytes(conversationBytes)} MiB of conversations`,
    ...(folder.parameters > 0 && folder.parameters < demonstrationParameters && engine.slots > 0
      ? [demonstration]
      : []),
  ];
  const warnings = [
    ...(config.contextSize !== 'auto' && config.contextSize > contextSize
      ? [`CONTEXT_SIZE=${config.contextSize} is more than ${name} was trained on: it has ${contextSize}.`]
      : []),
    ...(archiveConfig !== undefined && !isArchived ? [toUnarchived(config)] : []),
  ];
  const { sizeBytes: bytes, parameters, quantisation, licence, sampling, chatTemplate } = folder;
  const modelFile = { sha256, bytes, architecture: facts.architecture, parameters, quantisation, licence };
  return {
    config,
    name,
    file: modelFile,
    sampling,
    chatTemplate,
    engine,
    description,
    warnings,
    loadMs: performance.now() - startedAt,
  };
}

function describeThreads({ count: most, adapts }: Threads): string {
  return adapts ? `up to ${count(most, 'thread')}` : count(most, 'thread');
}

/** Models with fewer weights than this answer well only what they were made for. */
const demonstrationParameters = 300_000_000;
const demonstration =
  "A model of this size is a demonstration: it is fast and often wrong. 'npm run model -- recommend' lists those that fit here.";

/** Why conversations end with the process, though the environment names a place for them. */
function toUnarchived({ cacheMegabytes }: FunctionConfig): string {
  const reason =
    cacheMegabytes === 'auto'
      ? 'the model leaves no memory for their states. Give more memory, or a shorter CONTEXT_SIZE.'
      : 'CACHE_MB=0 leaves no memory for their states. Give more.';
  return `Conversations are not kept in CACHE_DIR or CACHE_BUCKET: ${reason}`;
}

function toConversationBytes({ cacheMegabytes, memory, slots }: FunctionConfig, use: MemoryUse): number {
  if (cacheMegabytes !== 'auto') return cacheMegabytes * 1_000_000;
  return conversationRoom({ bytes: memory.bytes, use, slots });
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
