import { describe, expect, it } from 'vitest';
import { readLines } from '../../../src/batch/lines.ts';

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string, size: number) {
  const lines = await Array.fromAsync(readLines(inPieces(text, size)));
  return lines.map(({ text: bytes, start, end }) => ({ text: Buffer.from(bytes).toString(), start, end }));
}

describe('readLines', () => {
  const text = 'é one\n\n  \t\r\ntwo\r\n\nthree';

  it.each([1, 2, 3, 5, 100])('returns the same lines for pieces of %d bytes', async (size) => {
    expect(await read(text, size)).toEqual([
      { text: 'é one', start: 0, end: 7 },
      { text: 'two\r', start: 13, end: 18 },
      { text: 'three', start: 19, end: 24 },
    ]);
  });

  it('returns the byte offsets of each line', async () => {
    const bytes = Buffer.from(text);
    for (const { text: line, start, end } of await read(text, 4)) {
      expect(bytes.subarray(start, end).toString().trimEnd()).toBe(line.trimEnd());
    }
  });

  it.each(['', '\n', ' \n\r\n'])('returns no lines for %j', async (blank) => {
    expect(await read(blank, 1)).toEqual([]);
  });
});
