// The source of the API key: an environment variable, or a secret in AWS Secrets Manager.
import { ConfigurationError, type Environment, readText } from '../config/environment.ts';

/** Provides the key that HTTP requests must send. The key may change at any time. */
export interface ApiKeySource {
  /**
   * Returns the key, possibly from a cache.
   *
   * @throws {ApiKeyUnavailableError} when the key cannot be read
   */
  current(): Promise<string>;
  /**
   * Returns the key after a request sent a different one: the key may have been rotated since it was read.
   *
   * @throws {ApiKeyUnavailableError} when the key cannot be read
   */
  latest(): Promise<string>;
}

/** The key is unknown, so no request can be authorized. The log has the reason. */
export class ApiKeyUnavailableError extends Error {
  override readonly name = 'ApiKeyUnavailableError';

  constructor() {
    super('The API key could not be read.');
  }
}

/** A cached key is read again after this many milliseconds. */
const refreshAfterMs = 5 * 60_000;

/** A cached key expires after this many milliseconds, if it cannot be read again. */
const expiresAfterMs = 60 * 60_000;

/** Reads are at least this many milliseconds apart, so that wrong keys and outages do not flood AWS. */
const readIntervalMs = 5_000;

/** A read fails after this many milliseconds. The SDK has no timeout of its own. */
const readTimeoutMs = 5_000;

/**
 * Reads the source from the environment. API_KEY is the key itself. API_KEY_SECRET_ARN names a secret: the
 * key, or a JSON object with the key in its field `apiKey`. Without either, requests need no key.
 *
 * @throws {ConfigurationError} when both are set, or the ARN is not the ARN of a secret
 */
export function readApiKeySource(env: Environment): ApiKeySource | undefined {
  const apiKey = readText(env, 'API_KEY', undefined);
  const arn = readText(env, 'API_KEY_SECRET_ARN', undefined);
  if (arn === undefined) {
    return apiKey === undefined ? undefined : { current: async () => apiKey, latest: async () => apiKey };
  }
  if (apiKey !== undefined) {
    throw new ConfigurationError('API_KEY_SECRET_ARN', arn, 'no value while API_KEY is set');
  }
  return new SecretApiKey(arn);
}

/**
 * A key in Secrets Manager. The first request that needs the key reads it: a key read during initialisation
 * would be stored in the snapshot. Requests wait for the read, because Lambda freezes background work.
 */
export class SecretApiKey implements ApiKeySource {
  readonly #arn: string;
  readonly #region: string;
  readonly #now: () => number;
  readonly #log: (error: Error) => void;
  #known: { readonly key: string; readonly readAt: number } | undefined;
  #lastReadAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  /**
   * `now` returns milliseconds. Default: the wall clock. Other clocks stop while an environment is frozen.
   *
   * @throws {ConfigurationError} when the ARN is not the ARN of a secret
   */
  constructor(
    arn: string,
    {
      now = Date.now,
      log = console.error,
    }: { readonly now?: () => number; readonly log?: (error: Error) => void } = {},
  ) {
    const [, region] = /^arn:aws[a-z-]*:secretsmanager:([a-z\d-]+):\d{12}:secret:\S+$/.exec(arn) ?? [];
    if (region === undefined) {
      throw new ConfigurationError('API_KEY_SECRET_ARN', arn, 'the ARN of a secret in AWS Secrets Manager');
    }
    this.#arn = arn;
    this.#region = region;
    this.#now = now;
    this.#log = log;
  }

  async current(): Promise<string> {
    if (this.#age() > refreshAfterMs) await this.#refresh();
    return this.#cached();
  }

  async latest(): Promise<string> {
    await this.#refresh();
    return this.#cached();
  }

  #age(): number {
    return this.#known === undefined ? Number.POSITIVE_INFINITY : this.#now() - this.#known.readAt;
  }

  #cached(): string {
    if (this.#known === undefined || this.#age() > expiresAfterMs) throw new ApiKeyUnavailableError();
    return this.#known.key;
  }

  /** Reads the key, unless the last read is too recent. Concurrent callers share one read. */
  async #refresh(): Promise<void> {
    if (this.#reading === undefined) {
      if (this.#now() - this.#lastReadAt < readIntervalMs) return;
      this.#lastReadAt = this.#now();
      this.#reading = this.#read().finally(() => {
        this.#reading = undefined;
      });
    }
    await this.#reading;
  }

  async #read(): Promise<void> {
    const readAt = this.#now();
    try {
      // Imported here, so that the SDK is loaded only for a secret.
      const { readSecret } = await import('./secrets-manager.ts');
      const secret = await readSecret(this.#arn, this.#region, AbortSignal.timeout(readTimeoutMs));
      this.#known = { key: toApiKey(secret), readAt };
    } catch (error) {
      this.#log(new Error(`The API key could not be read from ${this.#arn}.`, { cause: error }));
    }
  }
}

/** Extracts the key from a secret. The error does not quote the secret, because it is logged. */
function toApiKey(secret: string | undefined): string {
  const fields = toObject(secret ?? '');
  const key = fields === undefined ? secret : fields.apiKey;
  if (typeof key === 'string' && key.trim() !== '') return key.trim();
  throw new Error(
    'The secret has no key. Store the key itself, or a JSON object with the key in its field "apiKey".',
  );
}

/** Parses a text that may be a JSON object. */
function toObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
