// Finds rules that would make llama.cpp hang or fail.
import { choice, empty, type GrammarNode, repeat, sequence } from './grammar-node.ts';
import type { GrammarRules } from './write-gbnf.ts';

/** Returns the rules that match a finite text. The other ones always require themselves, or match no text. */
export function findEndingRules(rules: GrammarRules): ReadonlySet<string> {
  return rulesThat(rules, isEnding);
}

/** Follows a rule that matches no finite text to the rule that is the cause. */
export function findCause(rule: string, rules: GrammarRules, ending: ReadonlySet<string>): string {
  const seen = new Set<string>();
  let cause = rule;
  for (let next: string | undefined = rule; next !== undefined && !seen.has(next); ) {
    seen.add(next);
    cause = next;
    next = findFailure(rules.get(next), ending);
  }
  return cause;
}

function findFailure(node: GrammarNode | undefined, ending: ReadonlySet<string>): string | undefined {
  switch (node?.kind) {
    case 'reference':
      return node.rule;
    case 'repeat':
      return findFailure(node.item, ending);
    case 'choice':
      return findFailure(node.options[0], ending);
    case 'sequence':
      return findFailure(
        node.items.find((item) => !isEnding(item, ending)),
        ending,
      );
    default:
      return undefined;
  }
}

/** Removes the parts of a rule that match no finite text. The rule itself must match one. */
export function withoutDeadEnds(node: GrammarNode, ending: ReadonlySet<string>): GrammarNode {
  switch (node.kind) {
    case 'choice':
      return choice(
        ...node.options
          .filter((option) => isEnding(option, ending))
          .map((option) => withoutDeadEnds(option, ending)),
      );
    case 'sequence':
      return sequence(...node.items.map((item) => withoutDeadEnds(item, ending)));
    case 'repeat':
      if (!isEnding(node.item, ending)) return empty;
      return repeat(withoutDeadEnds(node.item, ending), node.min, node.max);
    default:
      return node;
  }
}

/** Finds a left-recursive rule. llama.cpp rejects such a grammar. */
export function findLeftRecursion(rules: GrammarRules): string | undefined {
  return new RuleStarts(rules).leftRecursion;
}

/**
 * Counts the ways in which the rules can start, over all rules. llama.cpp follows each of them when it parses
 * a grammar. Definitions that share definitions can have billions.
 */
export function countStarts(rules: GrammarRules): number {
  return new RuleStarts(rules).count;
}

/** Follows each rule to the rules that it can start with. */
class RuleStarts {
  readonly #rules: GrammarRules;
  readonly #mayBeEmpty: ReadonlySet<string>;
  readonly #counts = new Map<string, number>();
  readonly #open = new Set<string>();
  leftRecursion: string | undefined;
  readonly count: number;

  constructor(rules: GrammarRules) {
    this.#rules = rules;
    this.#mayBeEmpty = rulesThat(rules, mayBeEmpty);
    this.count = [...rules.keys()].reduce((sum, rule) => sum + this.#countOf(rule), 0);
  }

  #countOf(rule: string): number {
    const known = this.#counts.get(rule);
    if (known !== undefined) return known;
    if (this.#open.has(rule)) {
      this.leftRecursion ??= rule;
      return 0;
    }
    this.#open.add(rule);
    const count = 1 + this.#countIn(this.#rules.get(rule));
    this.#open.delete(rule);
    this.#counts.set(rule, count);
    return count;
  }

  #countIn(node: GrammarNode | undefined): number {
    switch (node?.kind) {
      case 'sequence': {
        let count = 0;
        for (const item of node.items) {
          count += this.#countIn(item);
          if (!mayBeEmpty(item, this.#mayBeEmpty)) break;
        }
        return count;
      }
      case 'choice':
        return node.options.reduce((sum, option) => sum + this.#countIn(option), 0);
      case 'repeat':
        return this.#countIn(node.item);
      case 'reference':
        return this.#countOf(node.rule);
      default:
        return 0;
    }
  }
}

type Test = (node: GrammarNode, known: ReadonlySet<string>) => boolean;

/** Returns the smallest set of rules that pass a test. The test knows the rules that have passed so far. */
function rulesThat(rules: GrammarRules, test: Test): Set<string> {
  const known = new Set<string>();
  // Rules precede the rules that they need, so the first round backwards finds nearly all.
  const backwards = [...rules].reverse();
  let before: number;
  do {
    before = known.size;
    for (const [rule, node] of backwards) if (!known.has(rule) && test(node, known)) known.add(rule);
  } while (known.size > before);
  return known;
}

function isEnding(node: GrammarNode, ending: ReadonlySet<string>): boolean {
  switch (node.kind) {
    case 'literal':
    case 'characters':
      return true;
    case 'sequence':
      return node.items.every((item) => isEnding(item, ending));
    case 'choice':
      return node.options.some((option) => isEnding(option, ending));
    case 'repeat':
      return node.min === 0 || isEnding(node.item, ending);
    case 'reference':
      return ending.has(node.rule);
  }
}

function mayBeEmpty(node: GrammarNode, known: ReadonlySet<string>): boolean {
  switch (node.kind) {
    case 'literal':
    case 'characters':
      return false;
    case 'sequence':
      return node.items.every((item) => mayBeEmpty(item, known));
    case 'choice':
      return node.options.some((option) => mayBeEmpty(option, known));
    case 'repeat':
      return node.min === 0 || mayBeEmpty(node.item, known);
    case 'reference':
      return known.has(node.rule);
  }
}
