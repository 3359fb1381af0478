import { describe, expect, it } from 'vitest';
import { StopStringScanner } from '../../../../src/engine/text/stop-strings.ts';

/** Feeds the pieces and returns what was given out, piece by piece, with the flush last. */
function scan(stops: string[], pieces: string[]): { given: string[]; found: string | undefined } {
  const scanner = new StopStringScanner(stops);
  return {
    given: [...pieces.map((piece) => scanner.push(piece)), scanner.flush()],
    found: scanner.found,
  };
}

describe('StopStringScanner', () => {
  it('returns text at once when no stop string starts in it', () => {
    expect(scan(['END'], ['Hello', ' world'])).toEqual({ given: ['Hello', ' world', ''], found: undefined });
  });

  it.each([1, 2, 3, 5])('finds a stop string in text that arrives %i characters at a time', (size) => {
    const text = 'one END two';
    const pieces = text.match(new RegExp(`.{1,${size}}`, 'g')) ?? [];
    const { given, found } = scan(['END'], pieces);

    expect(given.join('')).toBe('one ');
    expect(found).toBe('END');
  });

  it('returns text that only looked like a stop string', () => {
    expect(scan(['END'], ['an EN', 'emy'])).toEqual({ given: ['an ', 'ENemy', ''], found: undefined });
  });

  it('returns the text that it held back at the end', () => {
    expect(scan(['\n\n'], ['line\n'])).toEqual({ given: ['line', '\n'], found: undefined });
  });

  it.each([1, 2, 4])(
    'stops at the stop string that is complete first, in pieces of %i characters',
    (size) => {
      const pieces = (text: string) => text.match(new RegExp(`.{1,${size}}`, 'g')) ?? [];

      expect(scan(['b', 'abc'], pieces('xabc')).given.join('')).toBe('xa');
      expect(scan(['bc', 'abc'], pieces('xabc')).given.join('')).toBe('x');
      expect(scan(['abcd', 'cx'], pieces('zabcx')).given.join('')).toBe('zab');
      expect(scan(['bc', 'abc'], pieces('xabc')).found).toBe('abc');
    },
  );

  it('finds a stop string that starts inside a false start', () => {
    expect(scan(['aab'], ['aa', 'ab', 'c'])).toEqual({ given: ['', 'a', '', ''], found: 'aab' });
  });

  it('finds one of two stop strings that begin with the same repeated text', () => {
    const stops = ['aaab', 'aabaac'];

    expect(scan(stops, [...'xaabaabaac!'])).toMatchObject({ found: 'aabaac' });
    expect(scan(stops, [...'xaabaabaac!']).given.join('')).toBe('xaab');
    expect(scan(stops, ['aaaa', 'aab']).given.join('')).toBe('aaa');
  });

  it('follows long stop strings that are alike in linear time', () => {
    const same = 'a'.repeat(8000);
    const stops = Array.from({ length: 256 }, (_, index) => `${same}${index}b${same}`);
    const pieces = Array<string>(1000).fill('aaaaaaaa');

    // A comparison of every end with every beginning takes seconds for each of these pieces.
    expect(scan(stops, pieces).given.join('')).toBe(same);
  });
});
