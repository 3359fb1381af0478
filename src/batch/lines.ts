// The lines of a file in JSONL, as bytes, and where they are.

/** A line that is not blank. */
export interface FileLine {
  /** Without its line feed. */
  readonly text: Uint8Array;
  /** Of its first byte in the file. */
  readonly start: number;
  /** After its last byte, the line feed included. */
  readonly end: number;
}

const lineFeed = 0x0a;

/** Reads lines that end in a line feed, the last one perhaps in nothing; blank ones are left out. */
export async function* readLines(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<FileLine, void, void> {
  let kept: Uint8Array[] = [];
  let start = 0;
  let position = 0;
  const take = (last: Uint8Array, end: number): FileLine | undefined => {
    const text = kept.length === 0 ? last : Buffer.concat([...kept, last]);
    kept = [];
    const line = { text, start, end };
    start = end;
    return isBlank(text) ? undefined : line;
  };
  for await (const piece of pieces) {
    let from = 0;
    for (let at = piece.indexOf(lineFeed); at >= 0; at = piece.indexOf(lineFeed, from)) {
      const line = take(piece.subarray(from, at), position + at + 1);
      if (line !== undefined) yield line;
      from = at + 1;
    }
    if (from < piece.length) kept.push(piece.subarray(from));
    position += piece.length;
  }
  const line = take(new Uint8Array(), position);
  if (line !== undefined) yield line;
}

/** Whether there is nothing but spaces, tabs and carriage returns. */
function isBlank(text: Uint8Array): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
