// Builds a grammar for llama.cpp from JSON Schemas and other rules.
import { AmbiguityCheck, mostAlternatives } from './ambiguity.ts';
import { countStarts, findEndlessRule, findLeftRecursion } from './grammar-checks.ts';
import type { GrammarNode } from './grammar-node.ts';
import type { SharedRule } from './json-rules.ts';
import { RuleSet } from './rule-set.ts';
import { SchemaCompiler } from './schema-compiler.ts';
import { SchemaDocument } from './schema-document.ts';
import { UnsupportedSchemaError } from './unsupported-schema-error.ts';
import { GrammarTooLargeError, writeGbnf } from './write-gbnf.ts';

/** The largest grammar. Elements are characters, ranges and references, with repetitions written out. */
const limits = { characters: 256 * 1024, elements: 100_000 };

/** The largest number of ways in which the rules may start, over all rules. */
const mostStarts = 1_000_000;

const tooAmbiguous =
  'has nested alternatives that start alike: start each with a property that distinguishes it';

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
   * Adds a schema. Every value that the rule matches satisfies the schema, with one exception: `oneOf` also
   * allows values that satisfy several of its schemas.
   *
   * @param name the base of the rules' names; made unique
   * @returns the name of the rule for a value that satisfies the schema
   * @throws {UnsupportedSchemaError} when no grammar can enforce the schema
   */
  addSchema(schema: unknown, name: string): string {
    const rule = new SchemaCompiler(new SchemaDocument(schema), this.#ruleSet).compile(name);
    const { rules } = this.#ruleSet;
    const recursive = findLeftRecursion(rules);
    if (recursive !== undefined) throw this.#refusal(recursive, 'refers to itself, with nothing in between');
    const endless = findEndlessRule(rules);
    if (endless !== undefined)
      throw this.#refusal(endless, 'can never end, because it always requires itself');
    const check = new AmbiguityCheck(this.#ruleSet.shapes);
    const crowded = check.findTooManyAlternatives();
    if (crowded !== undefined) throw this.#refusal(crowded, `has more than ${mostAlternatives} alternatives`);
    const ambiguous = check.findAmbiguity();
    if (ambiguous !== undefined) throw this.#refusal(ambiguous, tooAmbiguous);
    return rule;
  }

  /**
   * Adds a rule.
   *
   * @param name made unique
   * @returns the unique name
   */
  addRule(name: string, node: GrammarNode): string {
    const rule = this.#ruleSet.reserve(name);
    this.#ruleSet.define(rule, node);
    return rule;
  }

  /** Returns a reference to a rule for plain JSON. */
  shared(name: SharedRule): GrammarNode {
    return this.#ruleSet.shared(name);
  }

  /**
   * Writes the grammar in GBNF. `root` is the name of its first rule.
   *
   * @throws {UnsupportedSchemaError} when the grammar is too large
   */
  toGbnf(root: string): string {
    const { rules } = this.#ruleSet;
    if (countStarts(rules) > mostStarts)
      throw new UnsupportedSchemaError('', '#', 'has too many nested alternatives');
    try {
      return writeGbnf(rules, root, limits);
    } catch (error) {
      if (!(error instanceof GrammarTooLargeError)) throw error;
      throw new UnsupportedSchemaError(
        '',
        '#',
        `needs a grammar of more than ${limits.characters} characters or ${limits.elements} elements`,
      );
    }
  }

  #refusal(rule: string, reason: string): UnsupportedSchemaError {
    return new UnsupportedSchemaError('', this.#ruleSet.pathOf(rule), reason);
  }
}
