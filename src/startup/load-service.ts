// The service of a process. A handler makes it at its module scope, before the first invocation, and Lambda reports a failure
// there as an init error. On port 8000 invocations and all other requests share it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChatTemplate } from '../chat/chat-template.ts';
import { ConfigurationError, type Environment, readFlag } from '../config/environment.ts';
import { readTelemetryConfig } from '../config/telemetry.ts';
import { openChatLibrary } from '../engine/llama/open-chat-library.ts';
import { readApiKeySource } from '../http/api-key.ts';
import { readCors } from '../http/cors.ts';
import { readRateLimit } from '../http/rate-limit.ts';
import type { Service } from '../http/service.ts';
import { readTokenBudget } from '../http/token-budget.ts';
import { isSnapshotted, prepareForSnapshot } from '../lambda/snap-start.ts';
import { readFunctionTimeout } from '../server/config.ts';
import { isBehindFront } from '../server/private-socket.ts';
import { createLateMetrics } from '../telemetry/late-metrics.ts';
import { loadReporter } from '../telemetry/load-reporter.ts';
import { type Log, standardErrorLog } from '../telemetry/log.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { loadModel } from './load-model.ts';
import { loadOnce } from './load-once.ts';
import { toResponseArchive } from './open-archive.ts';

/**
 * Begins to make the service around the model that the environment names, or returns the one that is being made.
 *
 * @throws {ConfigurationError} when a setting is missing or malformed
 * @throws {EngineError} when the model cannot be loaded
 */
export const loadService = loadOnce(load);

async function load(env: Environment): Promise<Service> {
  // All this happens while llama.cpp loads the model on its own thread.
  const apiKey = readApiKeySource(env);
  const cors = readCors(env);
  const { logPrompts, ...telemetry } = readTelemetryConfig(env);
  const reporter = await loadReporter(telemetry, { servesPort: isBehindFront(env) });
  if (logPrompts) reporter.log.warn('Prompts and completions are being logged, because LOG_PROMPTS is true.');
  const loaded = await loadModel(env);
  const { config, name, file, sampling, engine, description, warnings, loadMs } = loaded;
  for (const warning of warnings) reporter.log.warn(warning);
  // The front prints it when all is ready. A function prints nothing of its own: there GET /props has the same facts.
  if (!isOnLambda(env) && !isBehindFront(env)) {
    standardErrorLog.info(`gguf-lambda: ${description.join('; ')}`);
  }
  const { bosToken, eosToken } = engine.properties;
  const chatTemplate =
    readChatTemplate(config.chatTemplate) ?? loaded.chatTemplate ?? engine.properties.chatTemplate;
  const service: Service = {
    engine,
    embedder: engine.embedder,
    model: name,
    file,
    samplingDefaults: sampling,
    modelAliases: config.modelAliases,
    strictModel: config.strictModel,
    separatesCaches: config.cacheScope === 'key',
    strictFields: config.strictFields,
    apiKey,
    rateLimit: readRateLimit(env),
    tokenBudget: readTokenBudget(env),
    cors,
    playground: isOnLambda(env) && readFlag(env, 'PLAYGROUND') ? playgroundFile(env) : undefined,
    imagePlaceholders: config.imagePlaceholders,
    openResponseArchive: toResponseArchive(env),
    chatTemplate:
      chatTemplate === undefined
        ? undefined
        : new ChatTemplate({ chatTemplate, bosToken, eosToken, openLibrary: openChatLibrary }),
    isBehindFront: isBehindFront(env),
    // The emulator leaves an invocation more than that.
    invocationMs: isBehindFront(env) ? 1000 * readFunctionTimeout(env) : undefined,
    telemetry: new Telemetry({
      reporter,
      logPrompts,
      initializedAhead: isInitializedAhead(env),
      // An environment that is restored from a snapshot has loaded no model itself.
      modelLoadMs: isSnapshotted(env) ? undefined : loadMs,
      // CloudWatch has the metrics of a function. prom-client takes 50 ms to load, and no first request waits for it.
      metrics: isOnLambda(env)
        ? undefined
        : createLateMetrics(async () =>
            (await import('../telemetry/server-metrics.ts')).createMetrics(engine),
          ),
    }),
  };
  if (isSnapshotted(env)) await prepareForSnapshot(service, engine);
  // A function that a request waits for leaves it to the first chat.
  if (engine.slots > 0 && isInitializedAhead(env)) renderExamples(service, reporter.log);
  // So does a server for requests that waited for its start. They are under way by then.
  else if (engine.slots > 0 && !isOnLambda(env))
    setTimeout(renderExamples, 1000, service, reporter.log).unref();
  return service;
}

/** No chat waits for the examples then, and no other request for those of a slow template. */
function renderExamples({ chatTemplate }: Service, log: Log): void {
  if (chatTemplate === undefined) return;
  const { fault } = chatTemplate;
  if (fault !== undefined) {
    log.warn(`Chats are not answered: ${fault.message}`);
    return;
  }
  try {
    void chatTemplate.abilities.writesTools;
  } catch (error) {
    log.warn(`Chats with tools are not answered: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @throws {ConfigurationError} when CHAT_TEMPLATE is neither a name nor a file */
function readChatTemplate(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  try {
    return readFileSync(given, 'utf8');
  } catch {
    const names = openChatLibrary().ChatTemplates.listNames();
    if (names.includes(given)) return given;
    throw new ConfigurationError(
      'CHAT_TEMPLATE',
      given,
      `the path of a Jinja file, or one of ${names.join(', ')}`,
    );
  }
}

/** Whether environments are initialised before an invocation comes, which then does not wait for it. */
function isInitializedAhead({ AWS_LAMBDA_INITIALIZATION_TYPE: type }: Environment): boolean {
  return type === 'provisioned-concurrency' || type === 'lambda-managed-instances';
}

/** Whether only invocations reach this process. Behind the front's emulator the requests of port 8000 do too. */
function isOnLambda(env: Environment): boolean {
  return env.AWS_LAMBDA_RUNTIME_API !== undefined && !isBehindFront(env);
}

/** The page lies beside the folder of the bundled functions. */
function playgroundFile({ LAMBDA_TASK_ROOT: functions = '' }: Environment): string {
  return join(functions, '../playground.html');
}
