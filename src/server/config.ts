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
  /** Where the front listens. */
  readonly host: string;
  /** 0 lets the system choose a free port. */
  readonly port: number;
  /** The bearer key that invocations must bring; the runtime asks for it on every other path. */
  readonly apiKey: ApiKeySource | undefined;
  /** Which pages may call, and by which names. */
  readonly callers: CallerRules;
  /** Whether RATE_LIMIT or TOKEN_BUDGET limits what a caller may do. The runtime counts it. */
  readonly limitsCallers: boolean;
  /** How many invocations may wait while one runs; one more is refused. */
  readonly queueLimit: number;
  /** The time for one answer, by whichever path it is asked for. */
  readonly functionTimeoutSeconds: number;
  /** Threads that decode. The emulator claims 3,008 MB of memory, so the function cannot tell by itself. */
  readonly threads: Threads;
  /** The function's size, in MB. The emulator claims 3,008 unless it is told. */
  readonly functionMegabytes: number;
  /** How long a shutdown waits for the invocation in flight. */
  readonly shutdownGraceSeconds: number;
  /** The file of the playground; undefined serves none. */
  readonly playground: string | undefined;
  /** The Runtime Interface Emulator's executable. */
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

/** On loopback only names of this machine are taken: no other name leads here but by an attacker's DNS server. */
function readHosts(env: Environment, host: string): readonly string[] | undefined {
  const names = readNames(env, 'ALLOWED_HOSTS').map((name) => name.toLowerCase());
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
