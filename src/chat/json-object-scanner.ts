// Finds the end of a JSON object without parsing it.

/** Scans a JSON object that arrives in pieces. */
export class JsonObjectScanner {
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** Scans the next piece. Returns the index after the object's end, or `undefined` before its end. */
  findEnd(piece: string): number | undefined {
    for (const [index, character] of piece.split('').entries()) {
      if (this.#escaped) this.#escaped = false;
      else if (this.#inString && character === '\\') this.#escaped = true;
      else if (character === '"') this.#inString = !this.#inString;
      else if (this.#inString) continue;
      else if (character === '{' || character === '[') this.#depth += 1;
      else if (character === '}' || character === ']') {
        this.#depth -= 1;
        if (this.#depth === 0) return index + 1;
      }
    }
    return undefined;
  }
}
