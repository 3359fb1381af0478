// Loads the model that the environment names. Called at a handler's module scope: once per environment, before
// the first invocation; a failure there is what Lambda reports as an init error.
import { ChatTemplate } from './chat/chat-template.ts';
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
  const { modelDirectory, apiKey, cors, imagePlaceholders, ...limits } = readConfig(env);
  const manifest = readManifest(modelDirectory);
  const engine = await loadLlamaEngine({
    modelPath: `${modelDirectory}/${manifest.file}`,
    facts: manifest.gguf,
    ...limits,
  });
  const { chatTemplate, bosToken, eosToken } = engine.properties;
  return {
    engine,
    embedder: engine.embedder,
    model: manifest.name,
    apiKey,
    cors,
    imagePlaceholders,
    chatTemplate:
      chatTemplate === undefined ? undefined : new ChatTemplate({ chatTemplate, bosToken, eosToken }),
    // Lambda's own metrics are in CloudWatch; a function there does not load these.
    metrics: isOnLambda(env)
      ? undefined
      : (await import('./metrics/server-metrics.ts')).createMetrics(engine),
  };
}

/** Whether a runtime interface client runs this, the emulator's too. */
function isOnLambda(env: Environment): boolean {
  return env.AWS_LAMBDA_RUNTIME_API !== undefined;
}
