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
  it('returns whole characters at once', () => {
    expect(decode([bytes('a'), bytes('é')])).toEqual(['a', 'é']);
  });

  it('holds a character back until its last byte', () => {
    expect(decode(bytes('🌍').map((byte) => [byte]))).toEqual(['', '', '', '🌍']);
  });

  it('never splits characters that share tokens, however many follow each other', () => {
    const [a, b, c, d] = bytes('😀') as [number, number, number, number];
    const pieces = [[a, b], ...Array.from({ length: 6 }, () => [c, d, a, b]), [c, d]];

    expect(decode(pieces)).toEqual(['', ...Array(6).fill('😀'), '😀']);
  });

  it('returns the beginning of a token while it holds its end back', () => {
    expect(decode([[...bytes('x'), 0xc3], [0xa9]])).toEqual(['x', 'é']);
  });

  it('drops a partial character at the end', () => {
    expect(decode([bytes('a'), [0xf0, 0x9f]])).toEqual(['a', '']);
  });

  it('returns U+FFFD for bytes that are no character', () => {
    expect(decode([[0xff], bytes('a')])).toEqual(['', '\uFFFDa']);
  });

  it('passes on the tokens before, because some vocabularies drop a leading space', () => {
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
