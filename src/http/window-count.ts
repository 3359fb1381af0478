// Counts by caller within windows of time, one after the other. In the memory of one process: on Lambda each environment counts
// by itself.

export class WindowCount {
  readonly #windowMs: number;
  readonly #now: () => number;
  #windowStart: number;
  readonly #counts = new Map<string, number>();

  /** `now` returns milliseconds. */
  constructor(windowMs: number, now: () => number) {
    this.#windowMs = windowMs;
    this.#now = now;
    this.#windowStart = now();
  }

  /** What was added for a caller within this window. */
  of(caller: string): number {
    this.#renew();
    return this.#counts.get(caller) ?? 0;
  }

  add(caller: string, count: number): void {
    this.#counts.set(caller, this.of(caller) + count);
  }

  /** Whole seconds, at least one, until the next window begins. */
  get secondsLeft(): number {
    return Math.max(1, Math.ceil((this.#windowStart + this.#windowMs - this.#now()) / 1000));
  }

  #renew(): void {
    const now = this.#now();
    if (now - this.#windowStart < this.#windowMs) return;
    this.#windowStart = now;
    this.#counts.clear();
  }
}
