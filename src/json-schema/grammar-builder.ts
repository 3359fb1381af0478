// Builds a grammar for llama.cpp from JSON Schemas and other rules.
import { AmbiguityCheck } from './ambiguity.ts';
import { countStarts, findCause, findEndingRules, findLeftRecursion } from './grammar-checks.ts';
import type { GrammarNode } from './grammar-node.ts';
import type { SharedRule } from './json-rules.ts';
import { RuleSet } from './rule-set.ts';
import { SchemaCompiler } from './schema-compiler.ts';
import { SchemaDocument } from './schema-document.ts';
import { SchemaError } from './schema-error.ts';
import { processorTime, TimeLimitError, withinTime } from './time-limit.ts';
import { GrammarTooLargeError, writeGbnf } from './write-gbnf.ts';

/** The largest grammar. Elements are characters, ranges and references, with repetitions written out. */
const limits = { characters: 256 * 1024, elements: 100_000 };

/** The largest number of ways in which the rules may start, over all rules. */
const mostStarts = 1_000_000;

/** How deep schemas are enforced: completely, or less deep if the grammar would be too large. */
const depths = [Number.POSITIVE_INFINITY, 4, 2, 1, 0];

/** The longest time for compiling a schema to one depth, in milliseconds of the processor. */
const longestAttempt = 500;

/** The longest time for compiling all schemas of a grammar completely, in milliseconds of the processor. */
const longestTime = 1000;

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
  readonly #deepest: number;
  readonly #endBy: number;

  /**
   * @param deepest values within this many lists and objects have only their types enforced. Default: any number
   * @param endBy in milliseconds of {@link processorTime}. Later schemas have only their types enforced
   */
  constructor(deepest = Number.POSITIVE_INFINITY, endBy = processorTime() + longestTime) {
    this.#deepest = deepest;
    this.#endBy = endBy;
  }

  /**
   * Adds a schema. The rule enforces what a grammar can express; some texts that it matches may violate the rest. A
   * schema that needs too large a grammar, or too much time, is enforced to a lower depth.
   *
   * @param name the base of the rules' names; made unique
   * @returns the name of the rule for a value of the schema
   * @throws {SchemaError} when the schema is malformed, or no value matches it
   */
  addSchema(schema: unknown, name: string): string {
    const document = new SchemaDocument(schema);
    const { size } = this.#ruleSet;
    const compileTo = (deepest: number) => {
      // A compilation that was ended has left its rules.
      this.#ruleSet.restore(size);
      return this.#compile(document, name, deepest);
    };
    for (const deepest of depths.filter((depth) => depth <= this.#deepest && depth > 0)) {
      const time = Math.floor(Math.min(longestAttempt, this.#endBy - processorTime()));
      if (time < 1) break;
      try {
        return withinTime(time, () => compileTo(deepest));
      } catch (error) {
        if (!(error instanceof GrammarTooLargeError || error instanceof TimeLimitError)) throw error;
      }
    }
    try {
      return withinTime(longestAttempt, () => compileTo(0));
    } catch (error) {
      if (!(error instanceof GrammarTooLargeError || error instanceof TimeLimitError)) throw error;
      throw new SchemaError('', '#', 'takes too long to compile');
    }
  }

  #compile(document: SchemaDocument, name: string, deepest: number): string {
    const compiler = new SchemaCompiler(document, this.#ruleSet, deepest);
    const { size } = this.#ruleSet;
    const rule = compiler.compile(name);
    const { rules } = this.#ruleSet;
    const recursive = findLeftRecursion(rules);
    if (recursive !== undefined) throw this.#error(recursive, 'refers to itself, with nothing in between');
    const ending = findEndingRules(rules);
    if (!ending.has(rule)) {
      const cause = findCause(rule, rules, ending);
      throw (
        compiler.unsatisfiable.get(cause) ??
        this.#error(cause, 'can never end, because it always requires itself')
      );
    }
    this.#ruleSet.removeDeadEnds(size, ending);
    const check = new AmbiguityCheck(this.#ruleSet.shapes);
    if (check.findTooManyAlternatives() !== undefined || check.findAmbiguity() !== undefined)
      throw new GrammarTooLargeError('It has too many alternatives that start alike.');
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
   * @throws {GrammarTooLargeError} when the grammar exceeds the limits
   */
  toGbnf(root: string): string {
    const { rules } = this.#ruleSet;
    if (countStarts(rules) > mostStarts)
      throw new GrammarTooLargeError('It has too many nested alternatives.');
    return writeGbnf(rules, root, limits);
  }

  #error(rule: string, reason: string): SchemaError {
    return new SchemaError('', this.#ruleSet.pathOf(rule), reason);
  }
}

/**
 * Builds a grammar with schemas. If it is too large, enforces the schemas to a lower depth.
 *
 * @param build adds rules and returns the name of the first one
 * @throws {SchemaError} when a schema is malformed, or no value matches it
 */
export function buildGrammar(build: (grammar: GrammarBuilder) => string): string {
  const endBy = processorTime() + longestTime;
  for (const deepest of depths) {
    try {
      const grammar = new GrammarBuilder(deepest, endBy);
      return grammar.toGbnf(build(grammar));
    } catch (error) {
      if (!(error instanceof GrammarTooLargeError) || deepest === 0) throw error;
    }
  }
  throw new Error('Unreachable: the last depth is 0.');
}
