// Trims a text that arrives in pieces.

/** Drops white space before the text, and holds back white space at its end until more text arrives. */
export class WhitespaceBuffer {
  readonly #trimEnd: boolean;
  #trimStart: boolean;
  #held = '';
  #length = 0;

  constructor({ trimStart, trimEnd }: { readonly trimStart: boolean; readonly trimEnd: boolean }) {
    this.#trimStart = trimStart;
    this.#trimEnd = trimEnd;
  }

  /** The white space at the end of the text so far. */
  get held(): string {
    return this.#held;
  }

  /** The length of the text that was returned so far. */
  get length(): number {
    return this.#length;
  }

  /** Returns the text that is certain so far. */
  push(piece: string): string {
    const all = this.#held + piece;
    const text = this.#trimStart ? all.trimStart() : all;
    const end = this.#trimEnd ? text.trimEnd().length : text.length;
    this.#held = text.slice(end);
    if (end > 0) this.#trimStart = false;
    this.#length += end;
    return text.slice(0, end);
  }
}
