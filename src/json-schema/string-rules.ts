// Rules for strings: lengths, patterns and formats.
import type { Assertions } from './assertions.ts';
import { definedFormats, patternsOfFormat } from './formats.ts';
import { choice, type GrammarNode, literal, repeat, sequence } from './grammar-node.ts';
import { textCharacter } from './json-text.ts';
import { countPositions, lengthen, longest, type Pattern, shorten, shortest } from './pattern.ts';
import { isContained } from './pattern-containment.ts';
import { PatternError, parsePattern } from './pattern-parser.ts';
import type { SchemaRules } from './schema-rules.ts';
import { quote, UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** The keywords that constrain strings. */
export const stringKeywords = ['minLength', 'maxLength', 'pattern', 'format'];

/** The most positions of a pattern. llama.cpp may follow all of them at once. */
const mostPositions = 2000;

/** A pattern with too many positions is restricted to this many characters. */
const usualLength = 1000;

export function stringNode(assertions: Assertions, rules: SchemaRules): GrammarNode {
  const { min, max } = assertions.counts('minLength', 'maxLength');
  const pattern = readPattern(assertions);
  const char = rules.shared('char');
  if (pattern === undefined) {
    if (min === 0 && max === Number.POSITIVE_INFINITY) return rules.shared('string');
    return quoted(repeat(char, min, max));
  }
  const fitting = fit(pattern.tree, min, max, assertions);
  if (fitting === undefined || countPositions(fitting) > mostPositions)
    throw assertions.refusal(
      pattern.keyword,
      `repeats too much: it has more than ${mostPositions} positions`,
    );
  const inside = toGrammar(fitting, char);
  if (inside === undefined)
    throw assertions.refusal(pattern.keyword, 'matches no string that JSON can contain');
  return quoted(inside);
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

function toLengthError(keyword: string, length: string, assertions: Assertions): UnsupportedSchemaError {
  const { path } = assertions.all(keyword)[0] ?? assertions;
  return new UnsupportedSchemaError(
    keyword,
    path,
    `contradicts the pattern or format of ${length} characters`,
  );
}

interface Source {
  readonly keyword: 'pattern' | 'format';
  /** Alternative patterns, the widest first. Each of them satisfies the keyword. */
  readonly trees: readonly [Pattern, ...Pattern[]];
}

/** Finds one pattern that satisfies all patterns and formats. */
function readPattern(assertions: Assertions): { keyword: string; tree: Pattern } | undefined {
  const sources = [...readPatterns(assertions), ...readFormats(assertions)];
  const [first, ...others] = sources;
  if (first === undefined) return undefined;
  if (others.length === 0) return { keyword: first.keyword, tree: first.trees[0] };
  for (const source of sources) {
    for (const tree of source.trees) {
      if (countPositions(tree) > mostPositions) continue;
      const isEnough = sources.every((other) => other === source || isWithin(tree, other.trees[0]));
      if (isEnough) return { keyword: source.keyword, tree };
    }
  }
  const { keyword } = others.at(-1) ?? first;
  throw assertions.refusal(
    keyword,
    'cannot be used with another pattern or format, unless one implies the other',
  );
}

function isWithin(inner: Pattern, outer: Pattern): boolean {
  return countPositions(outer) <= mostPositions && isContained(inner, outer);
}

function readPatterns(assertions: Assertions): Source[] {
  return assertions.texts('pattern').map((pattern) => {
    try {
      return { keyword: 'pattern', trees: [parsePattern(pattern)] };
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw assertions.refusal('pattern', error.message);
    }
  });
}

/** Reads the patterns of formats. Ignores a custom format if there is a pattern. */
function readFormats(assertions: Assertions): Source[] {
  return assertions.texts('format').flatMap((format) => {
    const [widest, ...narrower] = patternsOfFormat(format);
    if (widest !== undefined) {
      return [{ keyword: 'format', trees: [parsePattern(widest), ...narrower.map(parsePattern)] }];
    }
    if (assertions.has('pattern') && !definedFormats.has(format)) return [];
    throw assertions.refusal('format', `does not support '${quote(format)}'`);
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
