// Finds stop strings in text that arrives in pieces. What could still become a stop string is held back, so
// that no part of one is ever given out.

export class StopStringScanner {
  readonly #stops: readonly string[];
  #held = '';
  #stopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Whether a stop string was found; after that nothing more is given out. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Takes the next piece and returns the text that is safe to give out. The stop string that is complete
   * first wins, so that the answer does not depend on how the text was cut into pieces.
   */
  push(piece: string): string {
    if (this.#stopped) return '';
    const text = this.#held + piece;
    const first = this.#firstComplete(text);
    this.#stopped = first !== undefined;
    const end = first ?? text.length - this.#longestOpenSuffix(text);
    this.#held = this.#stopped ? '' : text.slice(end);
    return text.slice(0, end);
  }

  /** Gives out what was held back, once no more text can come. */
  flush(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }

  /** Where the stop string begins that ends first; of two that end together, the longer one. */
  #firstComplete(text: string): number | undefined {
    let first: { start: number; end: number } | undefined;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop);
      if (start < 0) continue;
      const end = start + stop.length;
      if (first === undefined || end < first.end || (end === first.end && start < first.start))
        first = { start, end };
    }
    return first?.start;
  }

  /** Length of the longest end of `text` that begins one of the stop strings. */
  #longestOpenSuffix(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
