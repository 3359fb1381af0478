// How fast something is done, and how long it will take.

/** How much is done; `total` is null while nobody knows it. */
export interface Progress {
  readonly done: number;
  readonly total: number | null;
}

/** Writes an amount, such as `12.3 MB`. */
export type FormatAmount = (amount: number) => string;

/** Measures from the first report on: what was there before was not done at this pace. */
export class Pace {
  readonly #startedAt = performance.now();
  readonly #startedWith: number;
  readonly #format: FormatAmount;

  constructor(startedWith: number, format: FormatAmount) {
    this.#startedWith = startedWith;
    this.#format = format;
  }

  /** Such as `12.3 MB/s`. */
  rate({ done }: Progress): string {
    return `${this.#format(this.#perSecond(done))}/s`;
  }

  /** Such as `7 s` or `2 min 5 s`; `?` while nobody can say. */
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
