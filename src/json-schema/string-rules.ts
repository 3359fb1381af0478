// Texts: their length, patterns and formats.
import type { Assertions } from './assertions.ts';
import { definedFormats, patternsOfFormat } from './formats.ts';
import { choice, type GrammarNode, literal, repeat, sequence } from './grammar-node.ts';
import { textCharacter } from './json-text.ts';
import { countPlaces, lengthen, longest, type Pattern, shorten, shortest } from './pattern.ts';
import { isContained } from './pattern-containment.ts';
import { PatternError, parsePattern } from './pattern-parser.ts';
import type { SchemaRules } from './schema-rules.ts';
import { quote, UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** The keywords that say something about texts. */
export const stringKeywords = ['minLength', 'maxLength', 'pattern', 'format'];

/** llama.cpp may have to follow as many readings of a text as its pattern has places. */
const mostPlaces = 2000;

/** Enough for what a pattern describes. */
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
  if (fitting === undefined || countPlaces(fitting) > mostPlaces)
    throw assertions.refusal(pattern.keyword, `repeats too much: it has more than ${mostPlaces} places`);
  const inside = toGrammar(fitting, char);
  if (inside === undefined) throw assertions.refusal(pattern.keyword, 'matches no text that JSON can hold');
  return quoted(inside);
}

/**
 * A pattern for texts of a length. One with very many places is kept to shorter texts, where it may have fewer.
 *
 * @returns undefined when it matches no text that is short enough for that
 */
function fit(pattern: Pattern, min: number, max: number, assertions: Assertions): Pattern | undefined {
  const whole = shorten(pattern, max);
  if (whole === undefined) throw unfit('maxLength', `at least ${shortest(pattern)}`, assertions);
  const short = countPlaces(whole) > mostPlaces ? shorten(whole, Math.max(min, usualLength)) : whole;
  if (short === undefined) return undefined;
  const fitting = lengthen(short, min);
  if (fitting === undefined) throw unfit('minLength', `at most ${longest(short)}`, assertions);
  return fitting;
}

function unfit(keyword: string, length: string, assertions: Assertions): UnsupportedSchemaError {
  const { path } = assertions.all(keyword)[0] ?? assertions;
  return new UnsupportedSchemaError(
    keyword,
    path,
    `does not go with the pattern or format, of ${length} characters`,
  );
}

interface Source {
  readonly keyword: 'pattern' | 'format';
  /** Patterns each of which is enough to satisfy it, the widest first. */
  readonly trees: readonly [Pattern, ...Pattern[]];
}

/** One pattern for all patterns and formats: of those that there are, one that satisfies the others too. */
function readPattern(assertions: Assertions): { keyword: string; tree: Pattern } | undefined {
  const sources = [...readPatterns(assertions), ...readFormats(assertions)];
  const [first, ...others] = sources;
  if (first === undefined) return undefined;
  if (others.length === 0) return { keyword: first.keyword, tree: first.trees[0] };
  for (const source of sources) {
    for (const tree of source.trees) {
      if (countPlaces(tree) > mostPlaces) continue;
      const isEnough = sources.every((other) => other === source || isWithin(tree, other.trees[0]));
      if (isEnough) return { keyword: source.keyword, tree };
    }
  }
  const { keyword } = others.at(-1) ?? first;
  throw assertions.refusal(
    keyword,
    'is not supported beside another pattern or format, unless one implies the other',
  );
}

function isWithin(inner: Pattern, outer: Pattern): boolean {
  return countPlaces(outer) <= mostPlaces && isContained(inner, outer);
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

/** A format that JSON Schema does not define says nothing beside a pattern, which says what is meant. */
function readFormats(assertions: Assertions): Source[] {
  return assertions.texts('format').flatMap((format) => {
    const [widest, ...narrower] = patternsOfFormat(format);
    if (widest !== undefined) {
      return [{ keyword: 'format', trees: [parsePattern(widest), ...narrower.map(parsePattern)] }];
    }
    if (assertions.has('pattern') && !definedFormats.has(format)) return [];
    throw assertions.refusal('format', `is '${quote(format)}', which is not supported`);
  });
}

/** @returns undefined when it matches no text that can be written */
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
