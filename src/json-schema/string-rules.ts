// Rules for strings: lengths, patterns and formats.
import type { Assertions } from './assertions.ts';
import { patternsOfFormat } from './formats.ts';
import { choice, type GrammarNode, literal, repeat, sequence } from './grammar-node.ts';
import { textCharacter } from './json-text.ts';
import {
  countPositions,
  lengthen,
  longest,
  mostPositions,
  type Pattern,
  PatternError,
  shorten,
  shortest,
} from './pattern.ts';
import { isContained } from './pattern-containment.ts';
import { parsePattern } from './pattern-parser.ts';
import type { SchemaError } from './schema-error.ts';
import type { SchemaRules } from './schema-rules.ts';

/** The keywords that constrain strings. */
export const stringKeywords = ['minLength', 'maxLength', 'pattern', 'format'];

/** A pattern with too many positions is restricted to this many characters. */
const usualLength = 1000;

/**
 * Builds the rule for strings. A pattern that no grammar can express is left to the check, as are all patterns and
 * formats that do not imply each other, except one of them.
 */
export function stringNode(assertions: Assertions, rules: SchemaRules): GrammarNode {
  const { min, max } = assertions.counts('minLength', 'maxLength');
  const char = rules.shared('char');
  const tree = readPattern(assertions);
  const fitting = tree && fit(tree, min, max, assertions);
  const inside = fitting && countPositions(fitting) <= mostPositions ? toGrammar(fitting, char) : undefined;
  if (inside !== undefined) return quoted(inside);
  if (min === 0 && max === Number.POSITIVE_INFINITY) return rules.shared('string');
  return quoted(repeat(char, min, max));
}

/**
 * Returns the rule for the names that a pattern matches, without their quotes.
 *
 * @returns undefined when no grammar can express the pattern
 */
export function nameContents(pattern: string, rules: SchemaRules): GrammarNode | undefined {
  const tree = readTree(pattern);
  if (tree === undefined || countPositions(tree) > mostPositions) return undefined;
  return toGrammar(tree, rules.shared('char'));
}

/**
 * Restricts a pattern to the allowed lengths, and to shorter texts if it has too many positions.
 *
 * @returns undefined when the pattern matches no text that is short enough
 */
function fit(pattern: Pattern, min: number, max: number, assertions: Assertions): Pattern | undefined {
  const whole = shorten(pattern, max);
  if (whole === undefined) throw toLengthError('maxLength', `at least ${shortest(pattern)}`, assertions);
  const short = countPositions(whole) > mostPositions ? shorten(whole, Math.max(min, usualLength)) : whole;
  if (short === undefined) return undefined;
  const fitting = lengthen(short, min);
  if (fitting === undefined) throw toLengthError('minLength', `at most ${longest(short)}`, assertions);
  return fitting;
}

function toLengthError(keyword: string, length: string, assertions: Assertions): SchemaError {
  return assertions.refusal(keyword, `contradicts the pattern or format of ${length} characters`);
}

/** Alternative patterns, the widest first. Each of them satisfies the keyword. */
type Trees = readonly [Pattern, ...Pattern[]];

/** Finds one pattern that satisfies as many patterns and formats as possible: all of them, or the first. */
function readPattern(assertions: Assertions): Pattern | undefined {
  const patterns = assertions.texts('pattern').flatMap((pattern): Trees[] => {
    const tree = readTree(pattern);
    return tree === undefined ? [] : [[tree]];
  });
  const sources = [...patterns, ...readFormats(assertions)];
  const [first, ...others] = sources;
  if (first === undefined || others.length === 0) return first?.[0];
  for (const trees of sources) {
    for (const tree of trees) {
      if (countPositions(tree) > mostPositions) continue;
      if (sources.every((other) => other === trees || isWithin(tree, other[0]))) return tree;
    }
  }
  return first[0];
}

function isWithin(inner: Pattern, outer: Pattern): boolean {
  return countPositions(outer) <= mostPositions && isContained(inner, outer);
}

/** @returns undefined when no grammar can express the pattern */
function readTree(pattern: string): Pattern | undefined {
  try {
    return parsePattern(pattern);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return undefined;
  }
}

function readFormats(assertions: Assertions): Trees[] {
  return assertions.texts('format').flatMap((format): Trees[] => {
    const [widest, ...narrower] = patternsOfFormat(format);
    return widest === undefined ? [] : [[parsePattern(widest), ...narrower.map(parsePattern)]];
  });
}

/** @returns undefined when the pattern matches no string that JSON can contain */
function toGrammar(pattern: Pattern, char: GrammarNode): GrammarNode | undefined {
  switch (pattern.kind) {
    case 'any':
      return char;
    case 'characters':
      return textCharacter(pattern.ranges);
    case 'sequence': {
      const items = pattern.items.map((item) => toGrammar(item, char));
      return items.every((item) => item !== undefined) ? sequence(...items) : undefined;
    }
    case 'choice': {
      const options = pattern.options.map((option) => toGrammar(option, char));
      const possible = options.filter((option) => option !== undefined);
      return possible.length === 0 ? undefined : choice(...possible);
    }
    case 'repeat': {
      const item = toGrammar(pattern.item, char);
      if (item !== undefined) return repeat(item, pattern.min, pattern.max);
      return pattern.min === 0 ? sequence() : undefined;
    }
  }
}

function quoted(inside: GrammarNode): GrammarNode {
  return sequence(literal('"'), inside, literal('"'));
}
