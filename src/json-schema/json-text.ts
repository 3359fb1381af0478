// How characters stand in a JSON text.
import { type CharacterRanges, charactersOf, difference, intersection } from './character-ranges.ts';
import { characters, choice, type GrammarNode, literal, repeat, sequence } from './grammar-node.ts';

/** What stands as it is: all of Unicode but control characters, the quote, the backslash and surrogates. */
export const plainCharacters: CharacterRanges = difference(
  [
    [0x20, 0x7e],
    [0x80, 0xd7ff],
    [0xe000, 0x10ffff],
  ],
  charactersOf('"\\'),
);

/** What follows the backslash, of characters that have a short escape. */
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
 * One character of a set, as a text holds it: plain or with its short escape. Characters that can only be written as
 * `\u` and digits are left out.
 *
 * @returns undefined when none is left
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

/** One code point, in any of the ways to write it; half a surrogate pair is none. */
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
