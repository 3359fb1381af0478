// Where the keys that requests must send come from.
/** Provides the keys, of which HTTP requests must send one. They may change at any time. */
export interface ApiKeySource {
  /**
   * Returns the keys, possibly from a cache.
   *
   * @throws {ApiKeyUnavailableError} when the key cannot be read
   */
  current(): Promise<readonly string[]>;
  /**
   * Returns the keys after a request sent a different one: they may have been rotated since they were read.
   *
   * @throws {ApiKeyUnavailableError} when the key cannot be read
   */
  latest(): Promise<readonly string[]>;
}

/** The key is unknown, so no request can be authorized. The log has the reason. */
export class ApiKeyUnavailableError extends Error {
  override readonly name = 'ApiKeyUnavailableError';

  constructor() {
    super('The API key could not be read.');
  }
}
