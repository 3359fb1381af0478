// One grammar for llama.cpp, of JSON Schemas and of rules around them.
import { AmbiguityCheck, mostAlternatives } from './ambiguity.ts';
import { countBeginnings, findEndlessRule, findLeftRecursion } from './grammar-checks.ts';
import type { GrammarNode } from './grammar-node.ts';
import type { SharedRule } from './json-rules.ts';
import { RuleSet } from './rule-set.ts';
import { SchemaCompiler } from './schema-compiler.ts';
import { SchemaDocument } from './schema-document.ts';
import { UnsupportedSchemaError } from './unsupported-schema-error.ts';
import { GrammarTooLargeError, writeGbnf } from './write-gbnf.ts';

/** The size of a grammar: its text, and the characters, ranges and references it has, repetitions written out. */
const limits = { characters: 256 * 1024, elements: 100_000 };

/** In how many ways the rules may begin, all of them together. */
const mostBeginnings = 1_000_000;

const tooAmbiguous =
  'has alternatives that begin alike, within each other: let each begin with a property that tells it from the others';

/**
 * Builds a grammar.
 *
 * @example
 * const grammar = new GrammarBuilder();
 * const city = grammar.addSchema({ type: 'string' }, 'city');
 * const root = grammar.addRule('call', sequence(literal('{"city": '), reference(city), literal('}')));
 * grammar.toGbnf(root);
 */
export class GrammarBuilder {
  readonly #ruleSet = new RuleSet();

  /**
   * Adds a schema. What is matched satisfies it, with one exception: a value that satisfies several schemas of a
   * `oneOf` is matched too.
   *
   * @param name what the rules are named after; it is made unique
   * @returns the name of the rule for a value that satisfies the schema
   * @throws {UnsupportedSchemaError} for whatever in the schema cannot be promised
   */
  addSchema(schema: unknown, name: string): string {
    const rule = new SchemaCompiler(new SchemaDocument(schema), this.#ruleSet).compile(name);
    const { rules } = this.#ruleSet;
    const recursive = findLeftRecursion(rules);
    if (recursive !== undefined) throw this.#refusal(recursive, 'refers to itself, with nothing in between');
    const endless = findEndlessRule(rules);
    if (endless !== undefined) throw this.#refusal(endless, 'can never end: it always asks for itself again');
    const check = new AmbiguityCheck(this.#ruleSet.shapes);
    const crowd = check.findCrowd();
    if (crowd !== undefined) throw this.#refusal(crowd, `has more than ${mostAlternatives} alternatives`);
    const ambiguous = check.findAmbiguity();
    if (ambiguous !== undefined) throw this.#refusal(ambiguous, tooAmbiguous);
    return rule;
  }

  /**
   * Adds a rule.
   *
   * @param name is made unique
   * @returns its name
   */
  addRule(name: string, node: GrammarNode): string {
    const rule = this.#ruleSet.reserve(name);
    this.#ruleSet.define(rule, node);
    return rule;
  }

  /** Refers to a rule for plain JSON. */
  shared(name: SharedRule): GrammarNode {
    return this.#ruleSet.shared(name);
  }

  /**
   * Writes the grammar in GBNF, to begin with a rule.
   *
   * @throws {UnsupportedSchemaError} when it would be too large
   */
  toGbnf(root: string): string {
    const { rules } = this.#ruleSet;
    if (countBeginnings(rules) > mostBeginnings)
      throw new UnsupportedSchemaError('', '#', 'has too many alternatives within alternatives');
    try {
      return writeGbnf(rules, root, limits);
    } catch (error) {
      if (!(error instanceof GrammarTooLargeError)) throw error;
      throw new UnsupportedSchemaError(
        '',
        '#',
        `makes a grammar of more than ${limits.characters} characters or ${limits.elements} elements`,
      );
    }
  }

  #refusal(rule: string, reason: string): UnsupportedSchemaError {
    return new UnsupportedSchemaError('', this.#ruleSet.pathOf(rule), reason);
  }
}
