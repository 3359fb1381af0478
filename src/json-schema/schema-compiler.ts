// Translates a schema: a rule for each schema in it, or for several that hold together.
import type { Container } from './ambiguity.ts';
import { arrayNode } from './array-rules.ts';
import { Assertions } from './assertions.ts';
import { type Conjunction, takeApart } from './conjunction.ts';
import { choice, type GrammarNode, reference } from './grammar-node.ts';
import { assertionKeywords, isFree, type Kind, type Kinds, readKinds } from './kinds.ts';
import { numberNode } from './number-rules.ts';
import { objectNode } from './object-rules.ts';
import type { RuleSet } from './rule-set.ts';
import type { Place, SchemaDocument } from './schema-document.ts';
import type { SchemaRules } from './schema-rules.ts';
import { stringNode } from './string-rules.ts';
import { UnsupportedSchemaError } from './unsupported-schema-error.ts';
import { listedValues, oneOfTexts } from './value-rules.ts';

/** Schemas that are combined with each other can have any number of combinations. */
const mostRules = 5000;

/** Rules are made one after the other, not within each other: a chain of references may be long. */
interface Pending {
  readonly rule: string;
  readonly conjunction: Conjunction;
}

export class SchemaCompiler {
  readonly #document: SchemaDocument;
  readonly #ruleSet: RuleSet;
  /** The rule for each combination of schemas, by where they are. */
  readonly #rules = new Map<string, string>();
  readonly #pending: Pending[] = [];

  constructor(document: SchemaDocument, ruleSet: RuleSet) {
    this.#document = document;
    this.#ruleSet = ruleSet;
  }

  /**
   * Adds the rules for the whole schema.
   *
   * @returns the name of the rule to begin with
   * @throws {UnsupportedSchemaError}
   */
  compile(name: string): string {
    const first = this.#ruleFor(this.#takeApart([this.#document.root]), name);
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
      throw new UnsupportedSchemaError('', pathOf(conjunction), `is one of more than ${mostRules} schemas`);
    const rule = this.#ruleSet.reserve(name);
    this.#rules.set(key, rule);
    this.#pending.push({ rule, conjunction });
    return rule;
  }

  #nodeFor({ parts, alternatives }: Conjunction, rule: string): GrammarNode {
    const [first, ...rest] = alternatives;
    if (first === undefined) return this.#assertedNode(new Assertions([...parts.values()]), rule);
    const options = first[1].map((option, index) => {
      const more = this.#takeApart([option]);
      const together = {
        parts: new Map([...parts, ...more.parts]),
        alternatives: new Map([...rest, ...more.alternatives]),
      };
      return this.#ruleFor(together, `${rule}-${index}`);
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
    const free = kinds.filter((kind) => isFree(kind, assertions));
    const containers: Container[] = [];
    const rules = this.#rulesFor(rule, assertions.path, containers);
    const nodes = kinds.map((kind) =>
      free.includes(kind) && !(kind === 'number' && allowed.isInteger)
        ? shared(kind)
        : kindNode(kind, assertions, allowed, rules),
    );
    shapes.set(rule, { options: free, kinds, containers, values: undefined });
    return choice(...nodes);
  }

  #takeApart(places: readonly Place[]): Conjunction {
    return takeApart(places, this.#document, assertionKeywords);
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
      valueOf: (places, name) => this.#ruleFor(this.#takeApart(places), name),
      holds: (container) => void containers.push(container),
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

/** Where the first of the schemas is. */
function pathOf({ parts, alternatives }: Conjunction): string {
  const [path] = [
    ...parts.keys(),
    ...[...alternatives.keys()].map((each) => each.slice(0, each.lastIndexOf('/'))),
  ];
  return path ?? '#';
}
