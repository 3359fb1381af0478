// The source of the API keys: environment variables, a file, or a secret in AWS Secrets Manager.
import { ConfigurationError, type Environment, readNames, readText } from '../config/environment.ts';
import { type ApiKeySource, ApiKeyUnavailableError } from './api-key-source.ts';
import { KeyFile } from './key-file.ts';

/** A cached key is read again after this many milliseconds. */
const refreshAfterMs = 5 * 60_000;

/** A cached key expires after this many milliseconds, if it cannot be read again. */
const expiresAfterMs = 60 * 60_000;

/** Reads are at least this many milliseconds apart, so that wrong keys and outages do not flood AWS. */
const readIntervalMs = 5_000;

/** A read fails after this many milliseconds. The SDK has no timeout of its own. */
const readTimeoutMs = 5_000;

/** The variables, of which one may be set. */
function readSources(env: Environment) {
  return {
    /** API_KEY: the key that HTTP requests must bring, as a bearer or in `x-api-key`, except for `/health` and `/`. */
    API_KEY: readText(env, 'API_KEY', undefined),
    /** API_KEYS: several keys instead. */
    API_KEYS: readText(env, 'API_KEYS', undefined),
    /** API_KEYS_FILE: a file with one key a line instead. A changed file is read at the next request. */
    API_KEYS_FILE: readText(env, 'API_KEYS_FILE', undefined),
    /**
     * API_KEY_SECRET_ARN: a secret in AWS Secrets Manager instead: the key, or a JSON object with `apiKey` or a list `apiKeys`. It is
     * read at the first request and then every 5 minutes.
     */
    API_KEY_SECRET_ARN: readText(env, 'API_KEY_SECRET_ARN', undefined),
  };
}

/**
 * Reads the source from the environment. Returns undefined when no variable is set: requests need no key.
 *
 * @throws {ConfigurationError} when several are set, or one cannot be used
 */
export function readApiKeySource(env: Environment): ApiKeySource | undefined {
  const [[first, text] = [], [second] = []] = Object.entries(readSources(env)).filter(
    ([, value]) => value !== undefined,
  );
  // Not its value: it may be a key.
  if (second !== undefined) throw new ConfigurationError(second, '…', `no value while ${first} is set`);
  if (text === undefined) return undefined;
  switch (first) {
    case 'API_KEY_SECRET_ARN':
      return new SecretApiKey(text);
    case 'API_KEYS_FILE':
      return new KeyFile(text);
    default: {
      const keys = first === 'API_KEY' ? [text] : readKeys(env);
      return { current: async () => keys, latest: async () => keys };
    }
  }
}

function readKeys(env: Environment): readonly string[] {
  try {
    return readNames(env, 'API_KEYS');
  } catch {
    throw new ConfigurationError('API_KEYS', '…', 'keys separated by commas');
  }
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
  #known: { readonly keys: readonly string[]; readonly readAt: number } | undefined;
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

  async current(): Promise<readonly string[]> {
    if (this.#age() > refreshAfterMs) await this.#refresh();
    return this.#cached();
  }

  async latest(): Promise<readonly string[]> {
    await this.#refresh();
    return this.#cached();
  }

  #age(): number {
    return this.#known === undefined ? Number.POSITIVE_INFINITY : this.#now() - this.#known.readAt;
  }

  #cached(): readonly string[] {
    if (this.#known === undefined || this.#age() > expiresAfterMs) throw new ApiKeyUnavailableError();
    return this.#known.keys;
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
      this.#known = { keys: toApiKeys(secret), readAt };
    } catch (error) {
      this.#log(new Error(`The API key could not be read from ${this.#arn}.`, { cause: error }));
    }
  }
}

/** Extracts the keys from a secret. The error does not quote the secret, because it is logged. */
function toApiKeys(secret: string | undefined): readonly string[] {
  const fields = toObject(secret ?? '');
  const keys = [fields === undefined ? secret : (fields.apiKeys ?? fields.apiKey)].flat();
  const isKey = (key: unknown): key is string => typeof key === 'string' && key.trim() !== '';
  if (keys.length > 0 && keys.every(isKey)) return keys.map((key) => key.trim());
  throw new Error(
    'The secret has no key. Store the key itself, or a JSON object with the key in its field "apiKey", or several in "apiKeys".',
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
