// The members of an object between its braces, in their order and between two counts.
import type { Member } from './ambiguity.ts';
import {
  choice,
  empty,
  type GrammarNode,
  literal,
  nothing,
  optional,
  reference,
  repeat,
  sequence,
} from './grammar-node.ts';
import type { SchemaRules } from './schema-rules.ts';

export interface MemberCounts {
  readonly min: number;
  /** May be infinite. */
  readonly max: number;
}

type Declared = Member & { readonly name: string };

/** With more combinations of a property and a count, only the check enforces the counts. */
const mostCombinations = 1000;

/**
 * Builds the members from the last to the first. Each property is followed by all that may follow it. An optional
 * property is one option of a choice with the properties that may replace it.
 *
 * @param other any undeclared member without the quote before its name
 * @returns undefined when the object is always empty
 */
export function membersNode(
  properties: readonly Declared[],
  other: GrammarNode | undefined,
  { min, max }: MemberCounts,
  rules: SchemaRules,
): GrammarNode | undefined {
  const required = properties.filter(({ isRequired }) => isRequired).length;
  const isBounded = min > Math.max(1, required) || max < properties.length;
  const highest = Math.min(properties.length, max === Number.POSITIVE_INFINITY ? min : max);
  const isCounted = isBounded && properties.length * (highest + 1) <= mostCombinations;
  const next = (member: GrammarNode) => sequence(literal(','), rules.shared('space'), literal('"'), member);
  const most = isCounted ? max : Math.max(0, max - properties.length);
  const least = isCounted ? min : 0;
  const others = (taken: number) => {
    if (other === undefined || taken >= most) return undefined;
    return sequence(other, repeat(next(other), Math.max(0, least - taken - 1), most - taken - 1));
  };
  /** The last count that is distinguished. Without a maximum, all counts from the minimum on are alike. */
  const toCount = (taken: number) => (isCounted ? Math.min(taken, highest) : 0);

  // For each count of members before, the contents from a property on. The caller writes the quote before the
  // first name, so that the options differ in their first character.
  let firsts = Array.from({ length: isCounted ? highest + 1 : 1 }, (_, taken) => others(taken));
  let isMoreRequired = false;
  for (const { name, rule, isRequired } of [...properties].reverse()) {
    const later = firsts;
    firsts = later.map((skipped, taken) => {
      const after = later[toCount(taken + 1)];
      const mayEnd = !isMoreRequired && (!isCounted || taken + 1 >= min);
      const rest = after === undefined ? (mayEnd ? empty : nothing) : next(after);
      const isTooMany = isCounted && taken + 1 > max;
      const named = memberNode(literal(JSON.stringify(name).slice(1, -1)), rule, rules);
      const member = sequence(named, mayEnd ? optional(rest) : rest);
      const options = [
        ...(isTooMany ? [] : [member]),
        ...(skipped === undefined || isRequired ? [] : [skipped]),
      ];
      return options.length === 0 ? undefined : rules.add(`${rules.name}-from-${name}`, choice(...options));
    });
    isMoreRequired ||= isRequired;
  }
  const [first] = firsts;
  return first && sequence(literal('"'), first);
}

/** Matches a member without the quote before its name. */
export function memberNode(name: GrammarNode, rule: string, rules: SchemaRules): GrammarNode {
  return sequence(name, literal('":'), rules.shared('blank'), reference(rule));
}
