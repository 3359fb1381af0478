// Which functions need the model, and whether it fits the memory: from its manifest, before anything is loaded.
import { type FunctionConfig, readConfig } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import { readMemoryLimits, toMemoryRoom } from '../config/memory.ts';
import { type MemoryRequest, planMemory } from '../engine/llama/memory/memory-plan.ts';
import type { ProcessorFeatures } from '../engine/llama/memory/repacking.ts';
import { PrefixSnapshots } from '../engine/prompt/prefix-snapshots.ts';
import type { GgufFacts } from '../model/gguf-facts.ts';
import { type ModelFolder, readModelFolder } from '../model/model-folder.ts';
import { assertModelComplete } from '../model/model-size.ts';

/** Whether a handler, such as `completion.handler`, works with the model. */
export function needsModel(handler: string | undefined): boolean {
  return handler !== 'batch-files.handler';
}

export function toMemoryRequest(
  { contextSize, kvType, slots, lookupTokens, memory, prefixDirectory }: FunctionConfig,
  { name, sizeBytes, sha256 }: ModelFolder,
  facts: GgufFacts,
  features: ProcessorFeatures,
): MemoryRequest {
  const snapshotKvType =
    prefixDirectory === undefined
      ? undefined
      : PrefixSnapshots.kvTypeOf({ directory: prefixDirectory, model: sha256 });
  return {
    name,
    sizeBytes,
    facts,
    features,
    contextSize,
    kvType,
    snapshotKvType,
    slots,
    lookupTokens,
    room: memory,
  };
}

/**
 * Asserts that the model is there, and that another process has room for it beside this one. That process asks again, with the processor's features;
 * asked here, a refusal is one line, without what the emulator says of a function that does not load.
 *
 * @throws {ConfigurationError} when a setting is missing or malformed
 * @throws {GgufError} when a file of the model is missing, or is not whole
 * @throws {InsufficientMemoryError} when the model does not fit
 */
export function assertModelFits(env: Environment): void {
  if (env.MODEL_DIR === undefined) return;
  const memory = toMemoryRoom({ ...readMemoryLimits(env), own: 0 });
  const config = { ...readConfig(env), memory };
  const folder = readModelFolder(config.modelDirectory);
  assertModelComplete(config.modelDirectory, folder);
  // Without repacking, weights take no more than with it.
  if (folder.gguf !== undefined) planMemory(toMemoryRequest(config, folder, folder.gguf, new Set()));
}
