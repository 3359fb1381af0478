// What the parts of a schema's translation need of each other.
import type { Container } from './ambiguity.ts';
import type { GrammarNode } from './grammar-node.ts';
import type { SharedRule } from './json-rules.ts';
import type { Place } from './schema-document.ts';

/** The rules for one schema, while they are being made. */
export interface SchemaRules {
  /** The name of the rule; those for its parts are named after it. */
  readonly name: string;
  /** Refers to a rule for plain JSON. */
  shared(name: SharedRule): GrammarNode;
  /** Adds a rule, whose name is made unique, and refers to it. */
  add(name: string, node: GrammarNode): GrammarNode;
  /** The rule for what satisfies all of these schemas; none at all allow any value. */
  valueOf(places: readonly Place[], name: string): string;
  /** Tells what the list or the object holds that the rule is for. */
  holds(container: Container): void;
}
