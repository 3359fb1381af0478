// Finds stop strings in text that arrives in pieces. It holds back an end that may become a stop string, so that it never
// returns a part of one.

export class StopStringScanner {
  readonly #matchers: readonly Matcher[];
  #held = '';
  #found: string | undefined;

  constructor(stops: readonly string[]) {
    this.#matchers = stops.map((stop) => new Matcher(stop));
  }

  /** The stop string that was found. No text is returned after that. */
  get found(): string | undefined {
    return this.#found;
  }

  /**
   * Adds the next piece, and returns the text that is certainly not part of a stop string. Among several stop strings the one
   * that is complete first counts, and the longest of those that end together, so the result does not depend on how the text was
   * cut into pieces.
   */
  push(piece: string): string {
    if (this.#found !== undefined) return '';
    const text = this.#held + piece;
    for (let at = 0; at < piece.length; at++) {
      this.#found = this.#read(piece.charCodeAt(at));
      if (this.#found === undefined) continue;
      const start = this.#held.length + at + 1 - this.#found.length;
      this.#held = '';
      return text.slice(0, start);
    }
    const end = text.length - Math.max(0, ...this.#matchers.map(({ matched }) => matched));
    this.#held = text.slice(end);
    return text.slice(0, end);
  }

  /** Returns the text that was held back when no piece follows. */
  flush(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }

  /** Returns the longest stop string that the character completes. */
  #read(unit: number): string | undefined {
    let found: string | undefined;
    for (const matcher of this.#matchers)
      if (matcher.read(unit) && matcher.stop.length > (found?.length ?? 0)) found = matcher.stop;
    return found;
  }
}

/**
 * Follows one stop string through a text in linear time, by the algorithm of Knuth, Morris and Pratt. A comparison of every end of
 * the text with every beginning would take seconds for long stop strings that are alike.
 */
class Matcher {
  readonly stop: string;
  /** How many characters of the stop string the text ends with. */
  matched = 0;
  /** For each length that was matched so far: the next shorter one that the same text ends with. */
  readonly #shorter = [0];

  constructor(stop: string) {
    this.stop = stop;
  }

  /** Reads the next character of the text. Returns whether it completes the stop string, after which none may follow. */
  read(unit: number): boolean {
    this.matched = this.#extend(this.matched, unit);
    if (this.matched > 1 && this.#shorter.length < this.matched)
      this.#shorter.push(this.#extend(this.#shorter[this.matched - 2] ?? 0, unit));
    return this.matched === this.stop.length;
  }

  /** The most characters of the stop string that a text ends with, which ended with `matched` of them before the character. */
  #extend(matched: number, unit: number): number {
    let length = matched;
    while (length > 0 && this.stop.charCodeAt(length) !== unit) length = this.#shorter[length - 1] ?? 0;
    return this.stop.charCodeAt(length) === unit ? length + 1 : length;
  }
}
