// Computes the rate and the remaining time of a long operation.

/** An amount done so far; `total` is null while it is unknown. */
export interface Progress {
  readonly done: number;
  readonly total: number | null;
}

/** Formats an amount, such as `12.3 MB`. */
export type FormatAmount = (amount: number) => string;

/** Measures the rate since its creation, without the amount that was done before. */
export class Pace {
  readonly #startedAt = performance.now();
  readonly #startedWith: number;
  readonly #format: FormatAmount;

  constructor(startedWith: number, format: FormatAmount) {
    this.#startedWith = startedWith;
    this.#format = format;
  }

  /** Returns the rate, such as `12.3 MB/s`. */
  rate({ done }: Progress): string {
    return `${this.#format(this.#perSecond(done))}/s`;
  }

  /** Returns the remaining time, such as `7 s` or `2 min 5 s`; `?` while it is unknown. */
  timeLeft({ done, total }: Progress): string {
    if (total === null) return '?';
    if (done >= total) return '0 s';
    const rate = this.#perSecond(done);
    if (rate <= 0) return '?';
    const seconds = Math.ceil((total - done) / rate);
    return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }

  #perSecond(done: number): number {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    return seconds > 0 ? Math.max(0, done - this.#startedWith) / seconds : 0;
  }
}
