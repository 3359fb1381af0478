// The interface between the compiler and the rules for each type.
import type { Container } from './ambiguity.ts';
import type { GrammarNode } from './grammar-node.ts';
import type { SharedRule } from './json-rules.ts';
import type { Place } from './schema-document.ts';

/** The rules of one schema under construction. */
export interface SchemaRules {
  /** The name of the rule. It is the base of the names of its parts. */
  readonly name: string;
  /** Returns a reference to a rule for plain JSON. */
  shared(name: SharedRule): GrammarNode;
  /** Adds a rule with a unique name, and returns a reference to it. */
  add(name: string, node: GrammarNode): GrammarNode;
  /**
   * Returns the rule for a value that satisfies all of these schemas. Without schemas it allows any value.
   */
  ruleFor(places: readonly Place[], name: string): string;
  /** Returns the rule for a value that satisfies one of these schemas. */
  ruleForAny(places: readonly Place[], name: string): string;
  /** Returns the schema that a reference names. */
  resolve(reference: string): Place;
  /** Records the members of the list or the object that the rule matches. */
  addContainer(container: Container): void;
  /** Whether a value satisfies a schema of the document. */
  isSatisfied(schema: unknown, value: unknown): boolean;
}
