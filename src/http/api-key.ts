// Where the bearer key comes from: the environment, or a secret in AWS Secrets Manager.
import { ConfigurationError, type Environment, readText } from '../config/environment.ts';

/** The key that HTTP requests must bring. It may be another one tomorrow. */
export interface ApiKeySource {
  /**
   * The key.
   *
   * @throws {ApiKeyUnavailableError} when it cannot be read
   */
  current(): Promise<string>;
  /**
   * The key for a request that brought another one: it may have been rotated since it was read.
   *
   * @throws {ApiKeyUnavailableError} when it cannot be read
   */
  latest(): Promise<string>;
}

/** Nobody can be let in, because the key is not known. The reason is in the log. */
export class ApiKeyUnavailableError extends Error {
  override readonly name = 'ApiKeyUnavailableError';

  constructor() {
    super('The API key could not be read.');
  }
}

/** A key is asked for anew when it is older, in milliseconds. */
const freshFor = 5 * 60_000;

/** While it cannot be asked for, the last one that was read goes on for this long, in milliseconds. */
const usableFor = 60 * 60_000;

/** Milliseconds from one question to the next: neither wrong keys nor an outage make a request to AWS each. */
const pauseBetweenReads = 5_000;

/** Milliseconds that one question may take; the SDK itself waits for ever. */
const longestRead = 5_000;

/**
 * The source that the environment names: API_KEY is the key itself, API_KEY_SECRET_ARN a secret that is the key, or
 * a JSON object with the key as its `apiKey`. Without either anyone may call.
 *
 * @throws {ConfigurationError} when both are set, or the ARN names no secret
 */
export function readApiKeySource(env: Environment): ApiKeySource | undefined {
  const apiKey = readText(env, 'API_KEY', undefined);
  const arn = readText(env, 'API_KEY_SECRET_ARN', undefined);
  if (arn === undefined) {
    return apiKey === undefined ? undefined : { current: async () => apiKey, latest: async () => apiKey };
  }
  if (apiKey !== undefined) {
    throw new ConfigurationError('API_KEY_SECRET_ARN', arn, 'either it or API_KEY, not both');
  }
  return new SecretApiKey(arn);
}

/**
 * A key in Secrets Manager. It is read when a request first needs it, and not before: what is read while an
 * environment is set up is kept in its snapshot. Requests wait for the reading; on Lambda nothing goes on behind them.
 */
export class SecretApiKey implements ApiKeySource {
  readonly #arn: string;
  readonly #region: string;
  readonly #now: () => number;
  readonly #log: (error: Error) => void;
  #known: { readonly key: string; readonly readAt: number } | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  /**
   * `now` is in milliseconds, by default of the wall clock: any other stands still while an environment is frozen.
   *
   * @throws {ConfigurationError} when the ARN names no secret
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
    if (this.#age() > freshFor) await this.#ask();
    return this.#usable();
  }

  async latest(): Promise<string> {
    await this.#ask();
    return this.#usable();
  }

  #age(): number {
    return this.#known === undefined ? Number.POSITIVE_INFINITY : this.#now() - this.#known.readAt;
  }

  #usable(): string {
    if (this.#known === undefined || this.#age() > usableFor) throw new ApiKeyUnavailableError();
    return this.#known.key;
  }

  /** Reads the key, unless it was tried just now; those who come meanwhile wait for the same answer. */
  async #ask(): Promise<void> {
    if (this.#asking === undefined) {
      if (this.#now() - this.#askedAt < pauseBetweenReads) return;
      this.#askedAt = this.#now();
      this.#asking = this.#read().finally(() => {
        this.#asking = undefined;
      });
    }
    await this.#asking;
  }

  async #read(): Promise<void> {
    const readAt = this.#now();
    try {
      // Only here: whoever has no secret need not load the SDK.
      const { readSecret } = await import('./secrets-manager.ts');
      const secret = await readSecret(this.#arn, this.#region, AbortSignal.timeout(longestRead));
      this.#known = { key: toApiKey(secret), readAt };
    } catch (error) {
      this.#log(new Error(`The API key could not be read from ${this.#arn}.`, { cause: error }));
    }
  }
}

/** The key in a secret. No message quotes it: messages are logged. */
function toApiKey(secret: string | undefined): string {
  const fields = toObject(secret ?? '');
  const key = fields === undefined ? secret : fields.apiKey;
  if (typeof key === 'string' && key.trim() !== '') return key.trim();
  throw new Error('The secret is neither a text nor a JSON object with a text as its "apiKey".');
}

/** What the text says in JSON, if that is an object. */
function toObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
