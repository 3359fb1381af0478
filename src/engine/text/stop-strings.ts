// Finds stop strings in text that arrives in pieces. It holds back an end that may become a stop string, so that it never
// returns a part of one.

export class StopStringScanner {
  readonly #stops: readonly string[];
  #held = '';
  #found: string | undefined;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** The stop string that was found. No text is returned after that. */
  get found(): string | undefined {
    return this.#found;
  }

  /**
   * Adds the next piece, and returns the text that is certainly not part of a stop string. Among several stop strings the one
   * that is complete first counts, so the result does not depend on how the text was cut into pieces.
   */
  push(piece: string): string {
    if (this.#found !== undefined) return '';
    const text = this.#held + piece;
    const first = this.#firstComplete(text);
    this.#found = first?.stop;
    const end = first?.start ?? text.length - this.#longestOpenSuffix(text);
    this.#held = first === undefined ? text.slice(end) : '';
    return text.slice(0, end);
  }

  /** Returns the text that was held back when no piece follows. */
  flush(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }

  /** The stop string that ends first, and where it starts; when two end together, the longer one. */
  #firstComplete(text: string): { stop: string; start: number } | undefined {
    let first: { stop: string; start: number; end: number } | undefined;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop);
      if (start < 0) continue;
      const end = start + stop.length;
      if (first === undefined || end < first.end || (end === first.end && start < first.start))
        first = { stop, start, end };
    }
    return first;
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
