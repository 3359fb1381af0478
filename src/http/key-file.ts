// API keys in a file, such as a mounted secret: who replaces the file rotates the keys, without a restart.
import { readFileSync } from 'node:fs';
import { ConfigurationError } from '../config/environment.ts';
import { standardErrorLog } from '../telemetry/log.ts';
import { type ApiKeySource, ApiKeyUnavailableError } from './api-key-source.ts';

/** One key a line. Blank lines, and those that begin with `#`, are none. */
export class KeyFile implements ApiKeySource {
  readonly #path: string;
  readonly #warn: (message: string) => void;
  #hasFailed = false;

  /** @throws {ConfigurationError} when the file cannot be read or has no key */
  constructor(path: string, { warn = standardErrorLog.warn } = {}) {
    this.#path = path;
    this.#warn = warn;
    try {
      this.#read();
    } catch (error) {
      throw new ConfigurationError('API_KEYS_FILE', path, `a file with one key a line (${toReason(error)})`);
    }
  }

  /** A file that has no keys any more refuses all. The first failure is logged, until the file can be read again. */
  async current(): Promise<readonly string[]> {
    try {
      const keys = this.#read();
      this.#hasFailed = false;
      return keys;
    } catch (error) {
      if (!this.#hasFailed) this.#warn(toWarning(this.#path, error));
      this.#hasFailed = true;
      throw new ApiKeyUnavailableError();
    }
  }

  latest(): Promise<readonly string[]> {
    return this.current();
  }

  /**
   * Reads the whole file each time: another one may have the same inode, size and times.
   *
   * @throws {Error} when the file cannot be read or has no key
   */
  #read(): readonly string[] {
    const keys = toKeys(readFileSync(this.#path, 'utf8'));
    if (keys.length === 0) throw new Error('it has no key');
    return keys;
  }
}

function toKeys(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

function toWarning(path: string, error: unknown): string {
  return `gguf-lambda: API_KEYS_FILE=${path} has no usable key (${toReason(error)}). Requests get 503 until it has one.`;
}

function toReason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
