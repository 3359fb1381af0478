// Splits a JSONL file into lines with their byte offsets.

/** A line that is not blank. */
export interface FileLine {
  /** Without its line feed. */
  readonly text: Uint8Array;
  /** Offset of the first byte in the file. */
  readonly start: number;
  /** Offset after the line feed. */
  readonly end: number;
}

const lineFeed = 0x0a;

/** Reads the lines of a file and skips blank ones. The last line need not end in a line feed. */
export async function* readLines(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<FileLine, void, void> {
  let pending: Uint8Array[] = [];
  let start = 0;
  let position = 0;
  const endLine = (last: Uint8Array, end: number): FileLine | undefined => {
    const text = pending.length === 0 ? last : Buffer.concat([...pending, last]);
    pending = [];
    const line = { text, start, end };
    start = end;
    return isBlank(text) ? undefined : line;
  };
  for await (const piece of pieces) {
    let from = 0;
    for (let at = piece.indexOf(lineFeed); at >= 0; at = piece.indexOf(lineFeed, from)) {
      const line = endLine(piece.subarray(from, at), position + at + 1);
      if (line !== undefined) yield line;
      from = at + 1;
    }
    if (from < piece.length) pending.push(piece.subarray(from));
    position += piece.length;
  }
  const line = endLine(new Uint8Array(), position);
  if (line !== undefined) yield line;
}

function isBlank(text: Uint8Array): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
