// API keys in a file, such as a mounted secret: who replaces the file rotates the keys, without a restart.
import { readFileSync, statSync } from 'node:fs';
import { ConfigurationError } from '../config/environment.ts';
import { type ApiKeySource, ApiKeyUnavailableError } from './api-key-source.ts';

/** One key a line. Blank lines, and those that begin with `#`, are none. */
export class KeyFile implements ApiKeySource {
  readonly #path: string;
  #known: { readonly version: string; readonly keys: readonly string[] } | undefined;

  /** @throws {ConfigurationError} when the file cannot be read or has no key */
  constructor(path: string) {
    this.#path = path;
    if (this.#read().length === 0)
      throw new ConfigurationError('API_KEYS_FILE', path, 'a file with one key a line');
  }

  /** A file that has no keys any more refuses all. */
  async current(): Promise<readonly string[]> {
    const keys = this.#read();
    if (keys.length === 0) throw new ApiKeyUnavailableError();
    return keys;
  }

  latest(): Promise<readonly string[]> {
    return this.current();
  }

  #read(): readonly string[] {
    try {
      const { ino, mtimeMs, size } = statSync(this.#path);
      const version = `${ino} ${mtimeMs} ${size}`;
      if (this.#known?.version !== version)
        this.#known = { version, keys: toKeys(readFileSync(this.#path, 'utf8')) };
      return this.#known.keys;
    } catch {
      return [];
    }
  }
}

function toKeys(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}
