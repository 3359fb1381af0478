// Whether a place can be read or written. After a failure it is left alone for a while, so that requests do not wait for it.

const pauseMs = 60_000;

export interface ArchiveOptions {
  readonly warn: (message: string) => void;
  /** Milliseconds since 1970. Other clocks stop while an environment is frozen. Default: `Date.now`. */
  readonly now?: () => number;
}

export class Availability {
  readonly #warn: (message: string) => void;
  readonly #now: () => number;
  #resumesAt = 0;
  #hasWarned = false;

  constructor({ warn, now = Date.now }: ArchiveOptions) {
    this.#warn = warn;
    this.#now = now;
  }

  /** Whether the place failed within the last minute. */
  get isPaused(): boolean {
    return this.#now() < this.#resumesAt;
  }

  succeeded(): void {
    this.#hasWarned = false;
  }

  /** Pauses for a minute. Warns of the first failure only, until something has succeeded. */
  failed(action: string, error: unknown): void {
    this.#resumesAt = this.#now() + pauseMs;
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#warn(
      `${action} (${reason}). It is tried again every minute, and conversations are evaluated meanwhile.`,
    );
  }
}
