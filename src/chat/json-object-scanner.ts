// Where a JSON object ends, whatever stands in its texts.

/** Finds the end of a JSON object in text that arrives in pieces. */
export class JsonObjectScanner {
  #depth = 0;
  #inText = false;
  #escaped = false;

  /** Where the object ends in the next piece of its text, if it does. */
  findEnd(piece: string): number | undefined {
    for (const [index, character] of piece.split('').entries()) {
      if (this.#escaped) this.#escaped = false;
      else if (this.#inText && character === '\\') this.#escaped = true;
      else if (character === '"') this.#inText = !this.#inText;
      else if (this.#inText) continue;
      else if (character === '{' || character === '[') this.#depth += 1;
      else if (character === '}' || character === ']') {
        this.#depth -= 1;
        if (this.#depth === 0) return index + 1;
      }
    }
    return undefined;
  }
}
