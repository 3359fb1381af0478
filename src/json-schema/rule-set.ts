// The rules of a grammar under construction.
import type { Shape } from './ambiguity.ts';
import { withoutDeadEnds } from './grammar-checks.ts';
import { type GrammarNode, reference } from './grammar-node.ts';
import { type SharedRule, sharedRules } from './json-rules.ts';
import { GrammarTooLargeError } from './write-gbnf.ts';

/** Names of rules in GBNF have letters, digits and hyphens. */
const notInNames = /[^A-Za-z0-9-]+/g;
const longestName = 40;

/** The most rules. The text of more rules exceeds the limit of a grammar. */
const mostRules = 8000;

/** The shapes of the rules for plain JSON. */
const plainShapes = (['value', 'object', 'array', 'string', 'number', 'boolean', 'null'] as const).map(
  (name): [string, Shape] => {
    const members = [{ name: undefined, rule: 'value', isRequired: false }];
    const isContainer = name === 'object' || name === 'array';
    return [
      name,
      {
        options: name === 'value' ? ['object', 'array', 'string', 'number', 'boolean', 'null'] : [],
        kinds: name === 'value' ? [] : [name],
        containers: isContainer ? [{ kind: name, members }] : [],
        values: undefined,
      },
    ];
  },
);

const plainNames: ReadonlySet<string> = new Set(plainShapes.map(([name]) => name));

export class RuleSet {
  readonly #rules = new Map<string, GrammarNode>();
  /** The path of the schema of each rule. */
  readonly #paths = new Map<string, string>();
  /** The reserved names, each with the last number that was added to it. */
  readonly #reserved = new Map(['root', ...Object.keys(sharedRules)].map((name) => [name, 1]));

  /** The shapes of the rules for schemas. */
  readonly shapes = new Map<string, Shape>(plainShapes);

  get rules(): ReadonlyMap<string, GrammarNode> {
    return this.#rules;
  }

  /**
   * Reserves a unique name based on a text.
   *
   * @throws {GrammarTooLargeError} when there are so many rules that their text would be too long
   */
  reserve(text: string): string {
    if (this.#rules.size > mostRules) throw new GrammarTooLargeError('It has too many rules.');
    const base = text.replaceAll(notInNames, '-').slice(0, longestName) || 'rule';
    let name = base;
    let number = this.#reserved.get(base) ?? 0;
    while (this.#reserved.has(name)) name = `${base}-${++number}`;
    this.#reserved.set(base, number);
    this.#reserved.set(name, 1);
    return name;
  }

  /** Defines a rule with a reserved name. `path` is the path of its schema. */
  define(name: string, node: GrammarNode, path = '#'): void {
    this.#rules.set(name, node);
    this.#paths.set(name, path);
  }

  /** Returns a reference to a rule for plain JSON. Adds the rule and the rules that it needs. */
  readonly shared = (name: SharedRule): GrammarNode => {
    if (!this.#rules.has(name)) {
      // A placeholder, because rules refer to each other: a value may contain values.
      this.#rules.set(name, reference(name));
      this.#rules.set(name, sharedRules[name](this.shared));
    }
    return reference(name);
  };

  /** Returns the state for {@link restore}. */
  get size(): number {
    return this.#rules.size;
  }

  /** Removes the rules that were added since the set had a size. Their names stay reserved. */
  restore(size: number): void {
    for (const name of [...this.#rules.keys()].slice(size)) {
      this.#rules.delete(name);
      if (!plainNames.has(name)) this.shapes.delete(name);
    }
  }

  /** Removes all that matches no finite text from the rules that were added since the set had a size. */
  removeDeadEnds(size: number, ending: ReadonlySet<string>): void {
    for (const [name, node] of [...this.#rules].slice(size)) {
      if (ending.has(name)) this.#rules.set(name, withoutDeadEnds(node, ending));
      else {
        this.#rules.delete(name);
        this.shapes.delete(name);
      }
    }
  }

  pathOf(name: string): string {
    return this.#paths.get(name) ?? '#';
  }
}
