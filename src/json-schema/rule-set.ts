// The rules of a grammar that is being made.
import type { Shape } from './ambiguity.ts';
import { type GrammarNode, reference } from './grammar-node.ts';
import { type SharedRule, sharedRules } from './json-rules.ts';

/** llama.cpp's names have letters, digits and hyphens. */
const notInNames = /[^A-Za-z0-9-]+/g;
const longestName = 40;

/** What the rules for plain JSON allow. */
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

export class RuleSet {
  readonly #rules = new Map<string, GrammarNode>();
  /** Which schema a rule is for. */
  readonly #paths = new Map<string, string>();
  /** Names that are taken, and the last number behind each. */
  readonly #reserved = new Map(['root', ...Object.keys(sharedRules)].map((name) => [name, 1]));

  /** What the rules for schemas allow. */
  readonly shapes = new Map<string, Shape>(plainShapes);

  get rules(): ReadonlyMap<string, GrammarNode> {
    return this.#rules;
  }

  /** Makes a name out of any text, and keeps it from being given again. */
  reserve(text: string): string {
    const base = text.replaceAll(notInNames, '-').slice(0, longestName) || 'rule';
    let name = base;
    let number = this.#reserved.get(base) ?? 0;
    while (this.#reserved.has(name)) name = `${base}-${++number}`;
    this.#reserved.set(base, number);
    this.#reserved.set(name, 1);
    return name;
  }

  /** Says what a rule matches whose name is reserved, and where its schema is. */
  define(name: string, node: GrammarNode, path = '#'): void {
    this.#rules.set(name, node);
    this.#paths.set(name, path);
  }

  /** Refers to a rule for plain JSON, which is added with those that it needs. */
  readonly shared = (name: SharedRule): GrammarNode => {
    if (!this.#rules.has(name)) {
      // Before it is known what it matches: a value may hold values.
      this.#rules.set(name, reference(name));
      this.#rules.set(name, sharedRules[name](this.shared));
    }
    return reference(name);
  };

  pathOf(name: string): string {
    return this.#paths.get(name) ?? '#';
  }
}
