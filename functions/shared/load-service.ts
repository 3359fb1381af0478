// Loads the model that the environment names. Called at a handler's module scope: once per environment, before
// the first invocation; a failure there is what Lambda reports as an init error.
import { loadLlamaEngine } from './engine/llama-engine.ts';
import { readManifest } from './model/manifest.ts';
import { readConfig } from './platform/config.ts';
import type { Environment } from './platform/environment.ts';
import type { Service } from './routes/service.ts';

/**
 * @throws {ConfigurationError} when a setting is missing or malformed
 * @throws {EngineError} when the model cannot be loaded
 */
export async function loadService(env: Environment): Promise<Service> {
  const { modelDirectory, apiKey, ...limits } = readConfig(env);
  const manifest = readManifest(modelDirectory);
  const engine = await loadLlamaEngine({ modelPath: `${modelDirectory}/${manifest.file}`, ...limits });
  return { engine, model: manifest.name, apiKey };
}
