import { describe, expect, it } from 'vitest';
import { TokenTextDecoder } from '../../../../src/engine/text/token-text.ts';

/** A vocabulary of pieces of bytes. */
function decode(pieces: number[][]): string[] {
  const decoder = new TokenTextDecoder(
    (tokens) => new TextDecoder().decode(Uint8Array.from(tokens.flatMap((token) => pieces[token] ?? []))),
    [],
  );
  return pieces.map((_, token) => decoder.push(token));
}

const bytes = (text: string) => [...Buffer.from(text)];

describe('TokenTextDecoder', () => {
  it('gives whole characters out at once', () => {
    expect(decode([bytes('a'), bytes('é')])).toEqual(['a', 'é']);
  });

  it('holds a character back until its last byte', () => {
    expect(decode(bytes('🌍').map((byte) => [byte]))).toEqual(['', '', '', '🌍']);
  });

  it('never splits characters that share tokens, however many in a row', () => {
    const [a, b, c, d] = bytes('😀') as [number, number, number, number];
    const pieces = [[a, b], ...Array.from({ length: 6 }, () => [c, d, a, b]), [c, d]];

    expect(decode(pieces)).toEqual(['', ...Array(6).fill('😀'), '😀']);
  });

  it('gives the beginning of a piece out while its end is held back', () => {
    expect(decode([[...bytes('x'), 0xc3], [0xa9]])).toEqual(['x', 'é']);
  });

  it('never gives out half a character at the end', () => {
    expect(decode([bytes('a'), [0xf0, 0x9f]])).toEqual(['a', '']);
  });

  it('lets bytes that never become a character pass', () => {
    expect(decode([[0xff], bytes('a')])).toEqual(['', '\uFFFDa']);
  });

  it('passes the tokens before on, because some vocabularies drop a leading space', () => {
    const seen: number[][] = [];
    const decoder = new TokenTextDecoder(
      (tokens, before) => {
        seen.push(before);
        return tokens.join();
      },
      [1, 2, 3, 4],
    );
    decoder.push(5);
    decoder.push(6);

    expect(seen).toEqual([
      [2, 3, 4],
      [3, 4, 5],
    ]);
  });
});
