// The white space around a text that arrives in pieces.

/** Drops the blanks before a text, and holds back those behind it until there is more. */
export class BlankHolder {
  readonly #holdsEnd: boolean;
  #dropsStart: boolean;
  #held = '';

  constructor({ start, end }: { readonly start: boolean; readonly end: boolean }) {
    this.#dropsStart = start;
    this.#holdsEnd = end;
  }

  /** The blanks behind the text so far. */
  get held(): string {
    return this.#held;
  }

  push(text: string): string {
    const all = this.#held + text;
    const given = this.#dropsStart ? all.trimStart() : all;
    const end = this.#holdsEnd ? given.trimEnd().length : given.length;
    this.#held = given.slice(end);
    if (end > 0) this.#dropsStart = false;
    return given.slice(0, end);
  }
}
