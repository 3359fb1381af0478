// Rules for plain JSON. White space is limited, because a small model can generate it for ever. A colon may
// have one space after it. Members may have one space or an indented new line around them.
import {
  characters,
  choice,
  empty,
  type GrammarNode,
  literal,
  optional,
  repeat,
  sequence,
} from './grammar-node.ts';
import { anyTextCharacter } from './json-text.ts';

const deepestIndentation = 16;

/** The most digits before the point. Every program reads such a number back unchanged. */
export const mostDigits = 15;

export const digit = characters('0123456789');

const integer = sequence(
  optional(literal('-')),
  choice(literal('0'), sequence(characters('123456789'), repeat(digit, 0, mostDigits - 1))),
);

/** The name of a rule that every schema may use. */
export type SharedRule =
  | 'blank'
  | 'space'
  | 'char'
  | 'string'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'null'
  | 'array'
  | 'object'
  | 'value';

type Shared = (name: SharedRule) => GrammarNode;

/** The definitions of the rules. `shared` returns a reference to another one of them. */
export const sharedRules: Readonly<Record<SharedRule, (shared: Shared) => GrammarNode>> = {
  blank: () => optional(literal(' ')),
  space: () =>
    choice(empty, literal(' '), sequence(literal('\n'), repeat(literal(' '), 0, deepestIndentation))),
  char: () => anyTextCharacter,
  string: (shared) => sequence(literal('"'), repeat(shared('char'), 0), literal('"')),
  integer: () => integer,
  number: (shared) =>
    sequence(
      shared('integer'),
      optional(sequence(literal('.'), repeat(digit, 1, mostDigits))),
      optional(sequence(characters('Ee'), optional(characters('+-')), repeat(digit, 1, 2))),
    ),
  boolean: () => choice(literal('true'), literal('false')),
  null: () => literal('null'),
  array: (shared) => {
    const rest = sequence(literal(','), shared('space'), shared('value'));
    return between('[', optional(sequence(shared('value'), repeat(rest, 0), shared('space'))), ']', shared);
  },
  object: (shared) => {
    const member = sequence(shared('string'), literal(':'), shared('blank'), shared('value'));
    const rest = sequence(literal(','), shared('space'), member);
    return between('{', optional(sequence(member, repeat(rest, 0), shared('space'))), '}', shared);
  },
  value: (shared) =>
    choice(
      ...(['object', 'array', 'string', 'number', 'boolean', 'null'] as const).map((name) => shared(name)),
    ),
};

/** Encloses `inside` in brackets. To be unambiguous, `inside` itself includes the white space at its end. */
export function between(open: string, inside: GrammarNode, close: string, shared: Shared): GrammarNode {
  return sequence(literal(open), shared('space'), inside, literal(close));
}
