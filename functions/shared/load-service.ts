// What the routes work with, made at a handler's module scope: once per environment, before the first invocation; a
// failure there is what Lambda reports as an init error.
import { ChatTemplate } from './chat/chat-template.ts';
import { isSnapshotted, prepareForSnapshot } from './lambda/snap-start.ts';
import { loadModel } from './load-model.ts';
import type { Environment } from './platform/environment.ts';
import type { Service } from './routes/service.ts';

/** Throws as {@link loadModel} does. */
export async function loadService(env: Environment): Promise<Service> {
  const { config, name, engine } = await loadModel(env);
  const { chatTemplate, bosToken, eosToken } = engine.properties;
  const service: Service = {
    engine,
    embedder: engine.embedder,
    model: name,
    apiKey: config.apiKey,
    cors: config.cors,
    imagePlaceholders: config.imagePlaceholders,
    chatTemplate:
      chatTemplate === undefined ? undefined : new ChatTemplate({ chatTemplate, bosToken, eosToken }),
    // Lambda's own metrics are in CloudWatch; a function there does not load these.
    metrics: isOnLambda(env)
      ? undefined
      : (await import('./metrics/server-metrics.ts')).createMetrics(engine),
  };
  if (isSnapshotted(env)) await prepareForSnapshot(service, engine);
  return service;
}

/** Whether a runtime interface client runs this, the emulator's too. */
function isOnLambda(env: Environment): boolean {
  return env.AWS_LAMBDA_RUNTIME_API !== undefined;
}
