// Compiles a schema to rules: one for each of its schemas, or for each combination that must hold together.
import type { Container } from './ambiguity.ts';
import { arrayNode } from './array-rules.ts';
import { Assertions } from './assertions.ts';
import { type Conjunction, toConjunction } from './conjunction.ts';
import { choice, type GrammarNode, nothing, reference } from './grammar-node.ts';
import { isUnconstrained, type Kind, type Kinds, readKinds } from './kinds.ts';
import { numberNode } from './number-rules.ts';
import { objectNode } from './object-rules.ts';
import type { RuleSet } from './rule-set.ts';
import type { Place, SchemaDocument } from './schema-document.ts';
import { type SchemaError, UnsatisfiableSchemaError } from './schema-error.ts';
import type { SchemaRules } from './schema-rules.ts';
import { stringNode } from './string-rules.ts';
import { listedValues, oneOfTexts } from './value-rules.ts';
import { GrammarTooLargeError } from './write-gbnf.ts';

/** The most combinations of schemas. Their number grows exponentially. */
const mostRules = 5000;

/** A rule to compile later, so that a long chain of references causes no deep recursion. */
interface Pending {
  readonly rule: string;
  readonly conjunction: Conjunction;
  /** The number of lists and objects around the value. */
  readonly depth: number;
}

export class SchemaCompiler {
  readonly #document: SchemaDocument;
  readonly #ruleSet: RuleSet;
  readonly #deepest: number;
  /** The rule for each combination of schemas, by their paths. */
  readonly #rules = new Map<string, string>();
  readonly #pending: Pending[] = [];
  /** The errors of schemas that no value matches, by their rules. */
  readonly unsatisfiable = new Map<string, SchemaError>();

  /** @param deepest values within this many lists and objects have only their types enforced */
  constructor(document: SchemaDocument, ruleSet: RuleSet, deepest = Number.POSITIVE_INFINITY) {
    this.#document = document;
    this.#ruleSet = ruleSet;
    this.#deepest = deepest;
  }

  /**
   * Adds the rules for the whole schema. A rule for a schema that no value matches is {@link nothing}.
   *
   * @returns the name of the first rule
   * @throws {SchemaError} when a schema refers to itself
   * @throws {GrammarTooLargeError} when the schema has too many combinations
   */
  compile(name: string): string {
    const first = this.#ruleFor([this.#document.root], name, 0);
    for (let index = 0; index < this.#pending.length; index++) {
      const { rule, conjunction, depth } = this.#pending[index] as Pending;
      const node = this.#orNothing(rule, () => this.#nodeFor(conjunction, rule, depth));
      this.#ruleSet.define(rule, node, pathOf(conjunction));
    }
    return first;
  }

  /** Catches the error of a schema that no value matches: it may be optional. */
  #orNothing(rule: string, build: () => GrammarNode): GrammarNode {
    try {
      return build();
    } catch (error) {
      if (!(error instanceof UnsatisfiableSchemaError)) throw error;
      this.unsatisfiable.set(rule, error);
      return nothing;
    }
  }

  #ruleFor(places: readonly Place[], name: string, depth: number): string {
    let rule = '';
    const node = this.#orNothing(name, () => {
      rule = this.#combinedRule(toConjunction(places, this.#document), name, depth);
      return reference(rule);
    });
    if (node !== nothing) return rule;
    const failed = this.#ruleSet.reserve(name);
    this.#ruleSet.define(failed, nothing, places[0]?.path);
    const error = this.unsatisfiable.get(name);
    if (error !== undefined) this.unsatisfiable.set(failed, error);
    return failed;
  }

  #combinedRule(conjunction: Conjunction, name: string, depth: number): string {
    const { parts, alternatives } = conjunction;
    const key = JSON.stringify([[...parts.keys()], [...alternatives.keys()]]);
    const known = this.#rules.get(key);
    if (known !== undefined) return known;
    if (this.#rules.size === mostRules) throw new GrammarTooLargeError('It has too many combinations.');
    const rule = this.#ruleSet.reserve(name);
    this.#rules.set(key, rule);
    this.#pending.push({ rule, conjunction, depth });
    return rule;
  }

  #nodeFor({ parts, alternatives }: Conjunction, rule: string, depth: number): GrammarNode {
    const all = [...parts.values()];
    if (depth >= this.#deepest) return this.#plainNode(new Assertions(all), rule);
    const [first, ...rest] = alternatives;
    if (first === undefined) return this.#assertedNode(new Assertions(all), rule, depth);
    const options = first[1].flatMap((option, index) => {
      const name = `${rule}-${index}`;
      let combined = '';
      const node = this.#orNothing(rule, () => {
        const added = toConjunction([option], this.#document);
        const conjunction = {
          parts: new Map([...parts, ...added.parts]),
          alternatives: new Map([...rest, ...added.alternatives]),
        };
        combined = this.#combinedRule(conjunction, name, depth);
        return reference(combined);
      });
      return node === nothing ? [] : [combined];
    });
    this.#ruleSet.shapes.set(rule, { options, kinds: [], containers: [], values: undefined });
    return choice(...[...new Set(options)].map(reference));
  }

  /** Enforces only the types. */
  #plainNode(assertions: Assertions, rule: string): GrammarNode {
    const { shapes, shared } = this.#ruleSet;
    const { kinds, isInteger } = readKinds(assertions);
    shapes.set(rule, { options: kinds, kinds: [], containers: [], values: undefined });
    return choice(...kinds.map((kind) => shared(kind === 'number' && isInteger ? 'integer' : kind)));
  }

  #assertedNode(assertions: Assertions, rule: string, depth: number): GrammarNode {
    const { shapes, shared } = this.#ruleSet;
    if (assertions.parts.length === 0) {
      shapes.set(rule, { options: ['value'], kinds: [], containers: [], values: undefined });
      return shared('value');
    }
    const allowed = readKinds(assertions);
    const { kinds } = allowed;
    if (assertions.has('enum', 'const')) {
      const values = listedValues(assertions, (schema, value) => this.#document.isSatisfied(schema, value));
      shapes.set(rule, { options: [], kinds, containers: [], values });
      return oneOfTexts(values);
    }
    const unconstrained = kinds.filter((kind) => isUnconstrained(kind, assertions));
    const containers: Container[] = [];
    const rules = this.#rulesFor(rule, assertions.path, containers, depth);
    const nodes = kinds.map((kind) =>
      unconstrained.includes(kind) && !(kind === 'number' && allowed.isInteger)
        ? shared(kind)
        : kindNode(kind, assertions, allowed, rules),
    );
    shapes.set(rule, { options: unconstrained, kinds, containers, values: undefined });
    return choice(...nodes);
  }

  #rulesFor(rule: string, path: string, containers: Container[], depth: number): SchemaRules {
    const ruleSet = this.#ruleSet;
    return {
      name: rule,
      shared: ruleSet.shared,
      add: (name, node) => {
        const added = ruleSet.reserve(name);
        ruleSet.define(added, node, path);
        return reference(added);
      },
      ruleFor: (places, name) => this.#ruleFor(places, name, depth + 1),
      ruleForAny: (places, name) => {
        const options = places.map((place) => this.#ruleFor([place], name, depth + 1));
        const added = ruleSet.reserve(name);
        ruleSet.define(added, choice(...[...new Set(options)].map(reference)), path);
        ruleSet.shapes.set(added, { options, kinds: [], containers: [], values: undefined });
        return added;
      },
      resolve: (reference) => this.#document.resolve(reference),
      isSatisfied: (schema, value) => this.#document.isSatisfied(schema, value),
      addContainer: (container) => void containers.push(container),
    };
  }
}

function kindNode(kind: Kind, assertions: Assertions, { isInteger }: Kinds, rules: SchemaRules): GrammarNode {
  switch (kind) {
    case 'object':
      return objectNode(assertions, rules);
    case 'array':
      return arrayNode(assertions, rules);
    case 'string':
      return stringNode(assertions, rules);
    case 'number':
      return numberNode(assertions, isInteger, rules);
    default:
      return rules.shared(kind);
  }
}

/** The path of the first schema. */
function pathOf({ parts, alternatives }: Conjunction): string {
  const [path] = [
    ...parts.keys(),
    ...[...alternatives.keys()].map((each) => each.slice(0, each.lastIndexOf('/'))),
  ];
  return path ?? '#';
}
