// Everything a function reads from its environment, once.
import type { CacheRule, KvType } from '../engine/engine.ts';
import type { MemoryRoom } from '../engine/memory.ts';
import { readThreads, type Threads } from './cpu.ts';
import {
  type Environment,
  readChoice,
  readFlag,
  readFolder,
  readInteger,
  readIntegerOrAuto,
  readNames,
  readRequiredText,
  readText,
} from './environment.ts';
import { readMemoryLimits, toMemoryRoom } from './memory.ts';

export interface FunctionConfig {
  /** MODEL_DIR: the folder with the model and its manifest, `model.json`. */
  readonly modelDirectory: string;
  /** PREFIX_DIR: the folder with snapshots of known prompt prefixes, where there are any. */
  readonly prefixDirectory: string | undefined;
  /**
   * CONTEXT_SIZE: the most tokens of a prompt and its answer together. Default `auto`: as many as the model was trained on, up
   * to 8,192, as far as they fit the memory.
   */
  readonly contextSize: number | 'auto';
  /** THREADS, MAX_THREADS: threads that decode. By default as many as the CPU quota holds, and fewer while the machine is busy. */
  readonly threads: Threads;
  /** SLOTS: generations that run at once, each with a context of its own. Default 1; Lambda sends one at a time. */
  readonly slots: number;
  /**
   * LOOKUP_TOKENS: the most tokens that are guessed by what followed the same ones in the prompt, and evaluated together.
   * Default 0: none.
   */
  readonly lookupTokens: number;
  /**
   * KV_TYPE: the type of keys and values in the context: f16, or q8_0 in half the memory. Default `auto`: f16 where 4,096
   * tokens fit so.
   */
  readonly kvType: KvType | 'auto';
  /**
   * CACHE: what a prompt may reuse of the tokens that were evaluated before. Default `common`: all that both begin with.
   * `exact`: so much of it that the text is the one that a cold start generates.
   */
  readonly cacheRule: CacheRule;
  /**
   * CACHE_MB: the most memory for conversations that have lost their slot, in MB; 0 keeps none. Default `auto`: half of what the model
   * leaves.
   */
  readonly cacheMegabytes: number | 'auto';
  /** The memory that this process may take. */
  readonly memory: MemoryRoom;
  /** QUEUE_LIMIT: generations that may wait for a slot. Default 64. */
  readonly queueLimit: number;
  /** CHAT_TEMPLATE: a file with the chat template to use instead of the model's, or `chatml`. Default: the model's. */
  readonly chatTemplate: string | undefined;
  /** IMAGE_PARTS: whether images in chats are `refuse`d, the default, or replaced by a `placeholder` that says so. */
  readonly imagePlaceholders: boolean;
  /** STRICT_FIELDS: whether a field that this server does not know fails a request. Default false: it is ignored. */
  readonly strictFields: boolean;
  /** STRICT_MODEL: whether a request for a model of another name fails. Default false: the loaded model answers. */
  readonly strictModel: boolean;
  /** CACHE_SCOPE: whether a prompt reuses what was cached for `all` callers, or for those with the same `key`. Default all. */
  readonly cacheScope: 'all' | 'key';
  /** VERIFY_MODEL: whether the model's hash is compared with its manifest's before it is loaded. Default false. */
  readonly verifyModel: boolean;
  /** MODEL_ALIASES: more names of the model, separated by commas. Default: none. */
  readonly modelAliases: readonly string[];
}

/** Where Powertools for AWS Lambda is used; it reads its other variables, such as POWERTOOLS_LOG_LEVEL, itself. */
export interface PowertoolsConfig {
  /** POWERTOOLS_SERVICE_NAME: what lines, metrics and traces are found by. */
  readonly service: string;
  /** POWERTOOLS_METRICS_NAMESPACE: of the metrics in CloudWatch. Default gguf-lambda. */
  readonly namespace: string;
  /** POWERTOOLS_TRACE_ENABLED: whether invocations are traced by X-Ray. Default false. */
  readonly traces: boolean;
}

export interface TelemetryConfig {
  /** Where POWERTOOLS_SERVICE_NAME is set. */
  readonly powertools: PowertoolsConfig | undefined;
  /** LOG_PROMPTS: whether prompts and completions are logged. Default false. */
  readonly logPrompts: boolean;
}

/** @throws {ConfigurationError} naming the variable that is malformed */
export function readTelemetryConfig(env: Environment): TelemetryConfig {
  const service = readText(env, 'POWERTOOLS_SERVICE_NAME', undefined);
  const traces = readFlag(env, 'POWERTOOLS_TRACE_ENABLED');
  const namespace = readText(env, 'POWERTOOLS_METRICS_NAMESPACE', 'gguf-lambda');
  return {
    powertools: service === undefined ? undefined : { service, namespace, traces },
    logPrompts: readFlag(env, 'LOG_PROMPTS'),
  };
}

/** How many requests may wait, here and before the emulator. */
export function readQueueLimit(env: Environment): number {
  return readInteger(env, 'QUEUE_LIMIT', { min: 0, max: 100_000, default: 64 });
}

/** @throws {ConfigurationError} naming the variable that is missing or malformed */
export function readConfig(env: Environment): FunctionConfig {
  return Object.freeze({
    modelDirectory: readRequiredText(env, 'MODEL_DIR', 'the folder of the model'),
    prefixDirectory: readFolder(env, 'PREFIX_DIR'),
    contextSize: readIntegerOrAuto(env, 'CONTEXT_SIZE', { min: 16, max: 1_048_576 }),
    threads: readThreads(env),
    slots: readInteger(env, 'SLOTS', { min: 1, max: 256, default: 1 }),
    lookupTokens: readInteger(env, 'LOOKUP_TOKENS', { min: 0, max: 16, default: 0 }),
    kvType: readChoice<KvType | 'auto'>(env, 'KV_TYPE', ['auto', 'f16', 'q8_0']),
    cacheRule: readChoice<CacheRule>(env, 'CACHE', ['common', 'exact']),
    cacheMegabytes: readIntegerOrAuto(env, 'CACHE_MB', { min: 0, max: 1_048_576 }),
    memory: toMemoryRoom(readMemoryLimits(env)),
    queueLimit: readQueueLimit(env),
    chatTemplate: readText(env, 'CHAT_TEMPLATE', undefined),
    imagePlaceholders: readChoice(env, 'IMAGE_PARTS', ['refuse', 'placeholder']) === 'placeholder',
    strictFields: readFlag(env, 'STRICT_FIELDS'),
    strictModel: readFlag(env, 'STRICT_MODEL'),
    cacheScope: readChoice<'all' | 'key'>(env, 'CACHE_SCOPE', ['all', 'key']),
    verifyModel: readFlag(env, 'VERIFY_MODEL'),
    modelAliases: readNames(env, 'MODEL_ALIASES'),
  });
}
