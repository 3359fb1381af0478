// Converts a regular expression to a grammar for whole texts, and checks texts by it.
import { difference } from './character-ranges.ts';
import { buildGrammar } from './grammar-builder.ts';
import { characters, choice, type GrammarNode, nothing, repeat, sequence } from './grammar-node.ts';
import { countPositions, mostPositions, type Pattern, PatternError } from './pattern.ts';
import { toUnicodePattern } from './pattern-dialect.ts';
import { parsePattern } from './pattern-parser.ts';
import { SchemaError } from './schema-error.ts';
import { TimeLimitError, withinTime } from './time-limit.ts';

/** The longest time for a match, in milliseconds. It may be exponential in the length of the text. */
const longestTime = 250;

export interface PatternGrammar {
  /** `undefined` when no grammar can express the pattern. */
  readonly gbnf: string | undefined;
  matches(text: string): boolean;
}

/**
 * Creates a grammar for texts that match a pattern as a whole.
 *
 * @throws {SchemaError} when the pattern is not a regular expression
 */
export function toPatternGrammar(source: string): PatternGrammar {
  const pattern = toUnicodePattern(`^(?:${source})$`);
  if (pattern === undefined)
    throw new SchemaError('pattern', '#', 'must be a regular expression of JavaScript');
  return { gbnf: toGbnf(pattern), matches: (text) => matches(pattern, text) };
}

function toGbnf(pattern: string): string | undefined {
  try {
    const tree = parsePattern(pattern);
    if (countPositions(tree) > mostPositions) return undefined;
    return buildGrammar((grammar) => grammar.addRule('text', toNode(tree)));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return undefined;
  }
}

function matches(pattern: string, text: string): boolean {
  try {
    return withinTime(longestTime, () => new RegExp(pattern, 'u').test(text));
  } catch (error) {
    if (error instanceof TimeLimitError) return false;
    throw error;
  }
}

function toNode(pattern: Pattern): GrammarNode {
  switch (pattern.kind) {
    case 'any':
      return characters([[0, 0x10ffff]]);
    case 'characters': {
      const ranges = difference(pattern.ranges, [[0xd800, 0xdfff]]);
      return ranges.length === 0 ? nothing : characters(ranges);
    }
    case 'sequence':
      return sequence(...pattern.items.map(toNode));
    case 'choice':
      return choice(...pattern.options.map(toNode));
    case 'repeat':
      return repeat(toNode(pattern.item), pattern.min, pattern.max);
    default:
      throw pattern satisfies never;
  }
}
