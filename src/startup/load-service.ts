// What the routes work with, made at a handler's module scope: once per environment, before the first invocation; a
// failure there is what Lambda reports as an init error.

import type { Service } from '../api/service.ts';
import { ChatTemplate } from '../chat/chat-template.ts';
import { readTelemetryConfig } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import { isSnapshotted, prepareForSnapshot } from '../lambda/snap-start.ts';
import { loadReporter } from '../telemetry/load-reporter.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { loadModel } from './load-model.ts';

/** Throws as {@link loadModel} does. */
export async function loadService(env: Environment): Promise<Service> {
  // While the model loads.
  const { logPrompts, ...telemetry } = readTelemetryConfig(env);
  const reporter = await loadReporter(telemetry);
  if (logPrompts) reporter.log.warn('Prompts and completions are being logged, because LOG_PROMPTS is true.');
  const { config, name, engine, loadMs } = await loadModel(env);
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
      : (await import('../telemetry/server-metrics.ts')).createMetrics(engine),
    telemetry: new Telemetry({
      reporter,
      logPrompts,
      setUpAhead: isSetUpAhead(env),
      // An environment that is restored from a snapshot has loaded none.
      modelLoadMs: isSnapshotted(env) ? undefined : loadMs,
    }),
  };
  if (isSnapshotted(env)) await prepareForSnapshot(service, engine);
  return service;
}

/** Whether environments are set up before there is an invocation, which then does not wait for it. */
function isSetUpAhead({ AWS_LAMBDA_INITIALIZATION_TYPE: type }: Environment): boolean {
  return type === 'provisioned-concurrency' || type === 'lambda-managed-instances';
}

/** Whether a runtime interface client runs this, the emulator's too. */
function isOnLambda(env: Environment): boolean {
  return env.AWS_LAMBDA_RUNTIME_API !== undefined;
}
