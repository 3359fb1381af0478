// Compiles a schema to rules: one for each of its schemas, or for each combination that must hold together.
import type { Container } from './ambiguity.ts';
import { arrayNode } from './array-rules.ts';
import { Assertions } from './assertions.ts';
import { type Conjunction, toConjunction } from './conjunction.ts';
import { choice, type GrammarNode, reference } from './grammar-node.ts';
import { assertionKeywords, isUnconstrained, type Kind, type Kinds, readKinds } from './kinds.ts';
import { numberNode } from './number-rules.ts';
import { objectNode } from './object-rules.ts';
import type { RuleSet } from './rule-set.ts';
import type { Place, SchemaDocument } from './schema-document.ts';
import type { SchemaRules } from './schema-rules.ts';
import { stringNode } from './string-rules.ts';
import { UnsupportedSchemaError } from './unsupported-schema-error.ts';
import { listedValues, oneOfTexts } from './value-rules.ts';

/** The most combinations of schemas. Their number grows exponentially. */
const mostRules = 5000;

/** A rule to compile later, so that a long chain of references causes no deep recursion. */
interface Pending {
  readonly rule: string;
  readonly conjunction: Conjunction;
}

export class SchemaCompiler {
  readonly #document: SchemaDocument;
  readonly #ruleSet: RuleSet;
  /** The rule for each combination of schemas, by their paths. */
  readonly #rules = new Map<string, string>();
  readonly #pending: Pending[] = [];

  constructor(document: SchemaDocument, ruleSet: RuleSet) {
    this.#document = document;
    this.#ruleSet = ruleSet;
  }

  /**
   * Adds the rules for the whole schema.
   *
   * @returns the name of the first rule
   * @throws {UnsupportedSchemaError} when no grammar can enforce the schema
   */
  compile(name: string): string {
    const first = this.#ruleFor(this.#toConjunction([this.#document.root]), name);
    for (let index = 0; index < this.#pending.length; index++) {
      const { rule, conjunction } = this.#pending[index] as Pending;
      this.#ruleSet.define(rule, this.#nodeFor(conjunction, rule), pathOf(conjunction));
    }
    return first;
  }

  #ruleFor(conjunction: Conjunction, name: string): string {
    const { parts, alternatives } = conjunction;
    const key = JSON.stringify([[...parts.keys()], [...alternatives.keys()]]);
    const known = this.#rules.get(key);
    if (known !== undefined) return known;
    if (this.#rules.size === mostRules)
      throw new UnsupportedSchemaError(
        '',
        pathOf(conjunction),
        `exceeds the limit of ${mostRules} combined schemas`,
      );
    const rule = this.#ruleSet.reserve(name);
    this.#rules.set(key, rule);
    this.#pending.push({ rule, conjunction });
    return rule;
  }

  #nodeFor({ parts, alternatives }: Conjunction, rule: string): GrammarNode {
    const [first, ...rest] = alternatives;
    if (first === undefined) return this.#assertedNode(new Assertions([...parts.values()]), rule);
    const options = first[1].map((option, index) => {
      const added = this.#toConjunction([option]);
      const combined = {
        parts: new Map([...parts, ...added.parts]),
        alternatives: new Map([...rest, ...added.alternatives]),
      };
      return this.#ruleFor(combined, `${rule}-${index}`);
    });
    this.#ruleSet.shapes.set(rule, { options, kinds: [], containers: [], values: undefined });
    return choice(...[...new Set(options)].map(reference));
  }

  #assertedNode(assertions: Assertions, rule: string): GrammarNode {
    const { shapes, shared } = this.#ruleSet;
    if (assertions.parts.length === 0) {
      shapes.set(rule, { options: ['value'], kinds: [], containers: [], values: undefined });
      return shared('value');
    }
    const allowed = readKinds(assertions);
    const { kinds } = allowed;
    if (assertions.has('enum', 'const')) {
      const values = listedValues(assertions, allowed);
      shapes.set(rule, { options: [], kinds, containers: [], values });
      return oneOfTexts(values);
    }
    const unconstrained = kinds.filter((kind) => isUnconstrained(kind, assertions));
    const containers: Container[] = [];
    const rules = this.#rulesFor(rule, assertions.path, containers);
    const nodes = kinds.map((kind) =>
      unconstrained.includes(kind) && !(kind === 'number' && allowed.isInteger)
        ? shared(kind)
        : kindNode(kind, assertions, allowed, rules),
    );
    shapes.set(rule, { options: unconstrained, kinds, containers, values: undefined });
    return choice(...nodes);
  }

  #toConjunction(places: readonly Place[]): Conjunction {
    return toConjunction(places, this.#document, assertionKeywords);
  }

  #rulesFor(rule: string, path: string, containers: Container[]): SchemaRules {
    const ruleSet = this.#ruleSet;
    return {
      name: rule,
      shared: ruleSet.shared,
      add: (name, node) => {
        const added = ruleSet.reserve(name);
        ruleSet.define(added, node, path);
        return reference(added);
      },
      ruleFor: (places, name) => this.#ruleFor(this.#toConjunction(places), name),
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
