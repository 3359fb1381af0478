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
  /**
   * MODEL_DIR: a folder with one GGUF. Without a `model.json` it is described when it loads, in half a second.
   * @default the model in the image
   */
  readonly modelDirectory: string;
  /**
   * CONTEXT_SIZE: the most tokens of a prompt and its completion together. `auto` takes as many as the model was trained on, up to
   * 8,192, as far as they fit the memory.
   * @see docs/configuration.md#memory
   */
  readonly contextSize: number | 'auto';
  /**
   * KV_TYPE: the type of keys and values in the context: `f16`, or `q8_0` in half the memory. `auto` takes `f16` where 4,096 tokens
   * fit so.
   */
  readonly kvType: KvType | 'auto';
  /** Threads that decode. */
  readonly threads: Threads;
  /**
   * SLOTS: generations that run at once, each with a context of its own. Lambda sends one request at a time. Baked prefixes are
   * restored with 1 only.
   */
  readonly slots: number;
  /** QUEUE_LIMIT: requests that may wait for a slot. One more gets 429. */
  readonly queueLimit: number;
  /**
   * PREFIX_DIR: a folder with snapshots of prompt prefixes. It must exist.
   * @default the folder in the image
   */
  readonly prefixDirectory: string | undefined;
  /**
   * LOOKUP_TOKENS: the most tokens that are guessed by what followed the same ones earlier in prompt and answer, and evaluated
   * together; 0 guesses nothing. Several slots make no guesses.
   * @see docs/benchmark/README.md
   */
  readonly lookupTokens: number;
  /**
   * CACHE: what a prompt reuses of earlier ones. `common` is all tokens that both begin with. `exact` is fewer of them, so that the
   * text is the one that a cold start generates.
   */
  readonly cacheRule: CacheRule;
  /**
   * CACHE_SCOPE: `key` has each API key reuse only what its own requests have left.
   * @see docs/security.md#with-another-callers-prompt
   */
  readonly cacheScope: 'all' | 'key';
  /**
   * CACHE_MB: the most memory for conversations that have lost their slot, in megabytes. `auto` is half of what the model and the
   * largest requests leave, 0 keeps none.
   */
  readonly cacheMegabytes: number | 'auto';
  /** The memory that this process may take. */
  readonly memory: MemoryRoom;
  /**
   * CHAT_TEMPLATE: a Jinja file with another chat template, or one of llama.cpp's names, such as `chatml`. A model without one
   * needs it for chats.
   * @see docs/models.md#chat-templates
   * @default the model's
   */
  readonly chatTemplate: string | undefined;
  /** IMAGE_PARTS: whether images in chats are refused, or replaced by a `placeholder` that says so. */
  readonly imagePlaceholders: boolean;
  /**
   * STRICT_FIELDS: `true` rejects a field that the server does not know. Otherwise it is ignored.
   * @see docs/api.md#fields-of-other-servers
   */
  readonly strictFields: boolean;
  /**
   * STRICT_MODEL: `true` answers 404 to the name of another model, and 400 to a chat without one. Otherwise the loaded model
   * answers.
   */
  readonly strictModel: boolean;
  /** MODEL_ALIASES: more names of the model in `/v1/models`. */
  readonly modelAliases: readonly string[];
  /**
   * VERIFY_MODEL: `true` compares the model's SHA-256 with its manifest's before it is loaded, in a second a gigabyte or more.
   */
  readonly verifyModel: boolean;
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
    // llama.cpp counts cells in 32 bits, and so many of as many slots fit.
    contextSize: readIntegerOrAuto(env, 'CONTEXT_SIZE', { min: 16, max: 1_048_576 }),
    threads: readThreads(env),
    // llama.cpp's LLAMA_MAX_SEQ.
    slots: readInteger(env, 'SLOTS', { min: 1, max: 256, default: 1 }),
    // Guesses are a part of a step, of which a prompt has 64 or more.
    lookupTokens: readInteger(env, 'LOOKUP_TOKENS', { min: 0, max: 16, default: 8 }),
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
