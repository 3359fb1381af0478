// The characters of JSON strings and their escapes.
import { type CharacterRanges, charactersOf, difference, intersection } from './character-ranges.ts';
import { characters, choice, type GrammarNode, literal, repeat, sequence } from './grammar-node.ts';

/** Characters without an escape: all except control characters, the quote, the backslash and surrogates. */
export const plainCharacters: CharacterRanges = difference(
  [
    [0x20, 0x7e],
    [0x80, 0xd7ff],
    [0xe000, 0x10ffff],
  ],
  charactersOf('"\\'),
);

/** Characters with a short escape, and the letter after the backslash. */
const shortEscapes: readonly (readonly [character: string, letter: string])[] = [
  ['"', '"'],
  ['\\', '\\'],
  ['\b', 'b'],
  ['\f', 'f'],
  ['\n', 'n'],
  ['\r', 'r'],
  ['\t', 't'],
];

/**
 * Matches one character of a set, plain or with its short escape. Excludes characters that need a `\u`
 * escape.
 *
 * @returns undefined when no character remains
 */
export function textCharacter(set: CharacterRanges): GrammarNode | undefined {
  const plain = intersection(set, plainCharacters);
  const letters = shortEscapes
    .filter(([character]) => intersection(set, charactersOf(character)).length > 0)
    .map(([, letter]) => letter);
  const options: GrammarNode[] = [];
  const [first, last] = plain.length === 1 && plain[0] !== undefined ? plain[0] : [0, 1];
  if (first === last) options.push(literal(String.fromCodePoint(first)));
  else if (plain.length > 0) options.push(characters(plain));
  if (letters.length > 0) options.push(sequence(literal('\\'), characters(letters.join(''))));
  return options.length === 0 ? undefined : choice(...options);
}

const hex = characters('0123456789ABCDEFabcdef');
const twoDigits = repeat(hex, 2, 2);

/** Matches any code point with any escape, but not half a surrogate pair. */
export const anyTextCharacter: GrammarNode = choice(
  characters(plainCharacters),
  sequence(
    literal('\\'),
    choice(
      characters('"\\/bfnrt'),
      sequence(literal('u'), characters('0123456789ABCEFabcef'), hex, twoDigits),
      sequence(literal('u'), characters('Dd'), characters('01234567'), twoDigits),
      sequence(
        ...[literal('u'), characters('Dd'), characters('89ABab'), twoDigits],
        ...[literal('\\u'), characters('Dd'), characters('CDEFcdef'), twoDigits],
      ),
    ),
  ),
);
