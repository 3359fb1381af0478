// Finds stop strings in text that arrives in pieces. It holds back an end that may become a stop string, so that it never
// returns a part of one.

export class StopStringScanner {
  readonly #stops: readonly string[];
  #held = '';
  #stopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Whether a stop string was found. No text is returned after that. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Adds the next piece, and returns the text that is certainly not part of a stop string. Among several stop strings the one
   * that is complete first counts, so the result does not depend on how the text was cut into pieces.
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

  /** Returns the text that was held back when no piece follows. */
  flush(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }

  /** The start of the stop string that ends first; when two end together, of the longer one. */
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

  /** The length of the longest end of `text` that a stop string starts with. */
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
