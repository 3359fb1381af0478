import { describe, expect, it } from 'vitest';
import { matchesPattern, patternToGbnf } from '../../../src/json-schema/pattern-grammar.ts';
import { Gbnf } from './gbnf.ts';

/** Returns those of some texts that the grammar of a pattern accepts. */
function accepted(source: string, texts: readonly string[]): string[] {
  const grammar = new Gbnf(patternToGbnf(source) ?? '').toRegExp();
  return texts.filter((text) => grammar.test(text));
}

describe('the grammar of a pattern for a whole text', () => {
  it.each<[source: string, matching: string[], others: string[]]>([
    ['yes|no', ['yes', 'no'], ['', 'yesno', ' yes', 'maybe']],
    ['^(yes|no)$', ['yes', 'no'], ['', 'yesno', ' yes', 'maybe']],
    ['^yes$|^no$', ['yes', 'no'], ['', 'yesno', ' yes', 'maybe']],
    ['(^yes$)|(?:^no$)', ['yes', 'no'], ['', 'yesno', ' yes', 'maybe']],
    ['^\\byes\\b$|no', ['yes', 'no'], ['', 'yesno', 'b', 'maybe']],
    ['^a[$^\\b]\\^$', ['a$^', 'a^^', 'a\b^'], ['a', 'ab^', 'a$']],
    ['^(?!.*[)(\\])](?:x|\\p{L}))a(?=b)b$', ['ab'], ['a', 'b', 'abb']],
  ])('accepts exactly the matching texts: %s', (source, matching, others) => {
    expect(accepted(source, [...matching, ...others])).toEqual(matching);
    expect([...matching, ...others].filter((text) => matchesPattern(source, text))).toEqual(matching);
  });

  it.each([
    ['(?!ab)[a-z]{2}', 'cd', 'ab', 'abc'],
    ['(?=.*\\d)[a-z\\d]+', 'a1', 'ab', 'a-1'],
    ['[a-z]+(?<!b)', 'a', 'ab', 'A'],
    ['[a-z ]+\\Ba', 'ba', 'b a', 'a1'],
    ['a(^|b)c', 'abc', 'ac', 'aac'],
  ])('leaves the assertions of %s to the check', (source, matching, unchecked, other) => {
    expect(accepted(source, [matching, unchecked, other])).toEqual([matching, unchecked]);
    expect([matching, unchecked].filter((text) => matchesPattern(source, text))).toEqual([matching]);
  });

  it.each(['(a)\\1', '\\p{L}', '(?i:a)'])('is absent when no grammar can express it: %s', (source) => {
    expect(patternToGbnf(source)).toBeUndefined();
  });
});
