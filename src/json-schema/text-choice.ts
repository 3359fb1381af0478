// A grammar for one of several texts.
import { buildGrammar } from './grammar-builder.ts';
import { oneOfTexts } from './value-rules.ts';

/** Creates a grammar for texts of a list. */
export function textsToGbnf(texts: readonly string[]): string {
  return buildGrammar((grammar) => grammar.addRule('text', oneOfTexts([...new Set(texts)])));
}
