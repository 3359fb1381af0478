// Converts a regular expression to a grammar for whole texts, and checks texts by it.
import { difference } from './character-ranges.ts';
import { buildGrammar } from './grammar-builder.ts';
import { characters, choice, type GrammarNode, nothing, repeat, sequence } from './grammar-node.ts';
import { countPositions, mostPositions, type Pattern, PatternError } from './pattern.ts';
import { toUnicodePattern } from './pattern-dialect.ts';
import { parsePattern } from './pattern-parser.ts';
import { SchemaError } from './schema-error.ts';
import { withinTime } from './time-limit.ts';

/** The longest time for a match, in milliseconds of the processor. It may be exponential in the length of the text. */
const longestTime = 250;

/**
 * Creates a grammar for texts that match a pattern as a whole. It may accept others too, because it leaves out look-arounds:
 * {@link matchesPattern} checks the finished text. Returns `undefined` when no grammar can express the pattern.
 *
 * @throws {SchemaError} when the pattern is not a regular expression
 */
export function patternToGbnf(source: string): string | undefined {
  const pattern = toUnicodePattern(`^(?:${source})$`);
  if (pattern === undefined)
    throw new SchemaError('pattern', '#', 'must be a regular expression of JavaScript');
  try {
    const tree = parsePattern(pattern);
    if (countPositions(tree) > mostPositions) return undefined;
    return buildGrammar((grammar) => grammar.addRule('text', toNode(tree)));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return undefined;
  }
}

/**
 * Whether a text matches a regular expression as a whole.
 *
 * @throws {SchemaError} when the pattern is too large to match a text with
 * @throws {TimeLimitError} when the match takes too long
 */
export function matchesPattern(source: string, text: string): boolean {
  const pattern = toUnicodePattern(`^(?:${source})$`);
  if (pattern === undefined) return false;
  try {
    return withinTime(longestTime, () => new RegExp(pattern, 'u').test(text));
  } catch (error) {
    // V8 compiles a pattern, and may find it too large, when it is first matched.
    if (error instanceof SyntaxError) throw new SchemaError('', '#', 'has too large a pattern');
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
