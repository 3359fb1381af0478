// Loads the model that the environment names, once in a process. It is begun before anything else of a function: llama.cpp
// reads the weights on a thread of its own while JavaScript loads and sets up the rest.
import { performance } from 'node:perf_hooks';
import { type FunctionConfig, readConfig } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import { type LlamaEngine, loadLlamaEngine } from '../engine/llama/llama-engine.ts';
import { readManifest } from '../model/manifest.ts';

export interface LoadedModel {
  readonly config: FunctionConfig;
  /** Its name in the catalog. */
  readonly name: string;
  readonly engine: LlamaEngine;
  /** How long it took to load, in milliseconds. */
  readonly loadMs: number;
}

let loading: Promise<LoadedModel> | undefined;

/**
 * Begins to load the model, or gives the load that has begun. One that failed is forgotten.
 *
 * @throws {ConfigurationError} when a setting is missing or malformed
 * @throws {EngineError} when the model cannot be loaded
 */
export function loadModel(env: Environment): Promise<LoadedModel> {
  if (loading === undefined) {
    loading = load(env);
    loading.catch(() => {
      loading = undefined;
    });
  }
  return loading;
}

async function load(env: Environment): Promise<LoadedModel> {
  const startedAt = performance.now();
  const config = readConfig(env);
  const { modelDirectory, prefixDirectory, contextSize, threads, slots, queueLimit, lookupTokens, kvType } =
    config;
  const { name, file, gguf, sha256 } = readManifest(modelDirectory);
  const engine = await loadLlamaEngine({
    modelPath: `${modelDirectory}/${file}`,
    facts: gguf,
    contextSize,
    threads,
    slots,
    queueLimit,
    lookupTokens,
    kvType,
    ...(prefixDirectory !== undefined && { prefixes: { directory: prefixDirectory, model: sha256 } }),
  });
  return { config, name, engine, loadMs: performance.now() - startedAt };
}
