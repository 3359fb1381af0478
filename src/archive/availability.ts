// Whether a place can be read or written. After a failure it is left alone for a while, so that requests do not wait for it.
import type { Contents } from './contents.ts';

export interface ArchiveOptions {
  readonly warn: (message: string) => void;
  /** Milliseconds since 1970. Other clocks stop while an environment is frozen. Default: `Date.now`. */
  readonly now?: () => number;
}

export class Availability {
  readonly #warn: (message: string) => void;
  readonly #now: () => number;
  readonly #contents: Contents;
  #resumesAt = 0;
  #hasFailed = false;

  constructor({ warn, now = Date.now }: ArchiveOptions, contents: Contents) {
    this.#warn = warn;
    this.#now = now;
    this.#contents = contents;
  }

  /** Whether the last attempt has failed. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Whether the place failed a short while ago. */
  get isPaused(): boolean {
    return this.#now() < this.#resumesAt;
  }

  succeeded(): void {
    this.#hasFailed = false;
  }

  /** Pauses for a while. Warns of the first failure only, until something has succeeded. */
  failed(action: string, error: unknown): void {
    const { pauseMs, meanwhile } = this.#contents;
    this.#resumesAt = this.#now() + pauseMs;
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#warn(
      `${action} (${reason}). It is tried again every ${pauseMs / 1000} seconds, and ${meanwhile} meanwhile.`,
    );
  }
}
