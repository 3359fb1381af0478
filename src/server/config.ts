// The settings of the HTTP front, read once from the environment.
import { join } from 'node:path';
import { readQueueLimit } from '../config/config.ts';
import { readThreads, type Threads } from '../config/cpu.ts';
import { type Environment, readChoice, readInteger, readNames, readText } from '../config/environment.ts';
import { readFunctionMegabytes } from '../config/memory.ts';
import { readApiKeySource } from '../http/api-key.ts';
import type { ApiKeySource } from '../http/api-key-source.ts';
import { readCors } from '../http/cors.ts';
import { readRateLimit } from '../http/rate-limit.ts';
import { readTokenBudget } from '../http/token-budget.ts';
import type { CallerRules } from './caller-guard.ts';
import { isLoopback } from './loopback.ts';

export interface FrontConfig {
  /** HOST: the address of the server. The image sets 0.0.0.0. */
  readonly host: string;
  /** PORT: the port of the server. The image sets 8080, and 0 takes a free one. */
  readonly port: number;
  /** The bearer key that invocations must bring; the runtime asks for it on every other path. */
  readonly apiKey: ApiKeySource | undefined;
  /** Which pages may call, and by which names. */
  readonly callers: CallerRules;
  /** Whether RATE_LIMIT or TOKEN_BUDGET limits what a caller may do. The runtime counts it. */
  readonly limitsCallers: boolean;
  /** How many invocations may wait while one runs; one more is refused. */
  readonly queueLimit: number;
  /** FUNCTION_TIMEOUT: seconds for one answer, by whichever path it is asked for. */
  readonly functionTimeoutSeconds: number;
  /** Threads that decode. The emulator claims 3,008 MB of memory, so the function cannot tell by itself. */
  readonly threads: Threads;
  /** The function's size, in MB. The emulator claims 3,008 unless it is told. */
  readonly functionMegabytes: number;
  /** SHUTDOWN_GRACE: seconds for the last answers when the server is stopped. */
  readonly shutdownGraceSeconds: number;
  /**
   * PLAYGROUND: whether a browser gets the playground at `/`.
   * @default on a port `true`, on Lambda `false`
   * @see docs/playground.md
   */
  readonly playground: string | undefined;
  /**
   * RIE_PATH: the executable of AWS's Runtime Interface Emulator.
   * @default the one in the image
   */
  readonly emulatorPath: string;
  /** What the emulator runs as the function's runtime: a program and its arguments. */
  readonly bootstrap: readonly [program: string, ...args: string[]];
}

/** What the front is for: the function it serves, and the folder that holds `dist/` and `infra/`. */
export interface FrontTarget {
  readonly root: string;
  readonly handler: string;
}

/**
 * Reads the front's settings.
 *
 * @throws {ConfigurationError} when a variable's value cannot be used
 */
export function readFrontConfig(env: Environment, { root, handler }: FrontTarget): FrontConfig {
  const host = readText(env, 'HOST', '127.0.0.1');
  return Object.freeze({
    host,
    port: readInteger(env, 'PORT', { min: 0, max: 65_535, default: 8000 }),
    apiKey: readApiKeySource(env),
    callers: { cors: readCors(env), hosts: readHosts(env, host) },
    limitsCallers: readRateLimit(env) !== undefined || readTokenBudget(env) !== undefined,
    queueLimit: readQueueLimit(env),
    functionTimeoutSeconds: readFunctionTimeout(env),
    threads: readThreads(env),
    functionMegabytes: readFunctionMegabytes(env),
    shutdownGraceSeconds: readInteger(env, 'SHUTDOWN_GRACE', { min: 0, max: 86_400, default: 10 }),
    playground:
      readChoice(env, 'PLAYGROUND', ['true', 'false']) === 'true'
        ? join(root, 'dist/playground.html')
        : undefined,
    emulatorPath: readText(env, 'RIE_PATH', join(root, 'dist/aws-lambda-rie')),
    bootstrap: [join(root, 'infra/entry.sh'), handler] as const,
  });
}

/**
 * ALLOWED_HOSTS: the names in the header `host` that requests may have.
 * @default on loopback `localhost` and addresses, elsewhere any
 */
function readHosts(env: Environment, host: string): readonly string[] | undefined {
  const names = readNames(env, 'ALLOWED_HOSTS').map((name) => name.toLowerCase());
  // On loopback no other name leads here but by an attacker's DNS server.
  return names.length > 0 || isLoopback(host) ? names : undefined;
}

/**
 * Reads how many seconds there are for one answer; the runtime reads the same.
 *
 * @throws {ConfigurationError} when the value cannot be used
 */
export function readFunctionTimeout(env: Environment): number {
  return readInteger(env, 'FUNCTION_TIMEOUT', { min: 1, max: 86_400, default: 900 });
}
