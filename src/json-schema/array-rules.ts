// Rules for lists: fixed first items (`prefixItems`), then items of one schema, between two counts.
import type { Member } from './ambiguity.ts';
import { type Assertions, subschema } from './assertions.ts';
import { empty, type GrammarNode, literal, optional, reference, repeat, sequence } from './grammar-node.ts';
import { isJsonObject } from './json-object.ts';
import { between } from './json-rules.ts';
import type { Place } from './schema-document.ts';
import type { SchemaRules } from './schema-rules.ts';

/** The keywords that constrain lists. */
export const arrayKeywords = [
  'prefixItems',
  'items',
  'unevaluatedItems',
  'contains',
  'minItems',
  'maxItems',
  'uniqueItems',
];

export function arrayNode(assertions: Assertions, rules: SchemaRules): GrammarNode {
  const counts = assertions.counts('minItems', 'maxItems');
  const declared = longestPrefix(assertions);
  const contained = declared === 0 ? readContained(assertions) : { places: [], min: 0 };
  const max = Math.min(counts.max, closedAfter(assertions), mostUnique(assertions));
  if (counts.min > max) throw assertions.refusal('minItems', `cannot be satisfied: the maximum is ${max}`);

  // Requires all prefixItems, because schemas usually mean that. JSON Schema would allow fewer.
  const fixed = Math.min(declared, max);
  const min = Math.max(0, counts.min - fixed, Math.min(max, contained.min));
  const hasMore = assertions.has('items', 'unevaluatedItems') || declared === 0 || min > 0;
  const most = hasMore ? max - fixed : 0;
  const next = (item: GrammarNode) => sequence(literal(','), rules.shared('space'), item);

  const members: Member[] = Array.from({ length: fixed }, (_, index) => ({
    name: `${index}`,
    rule: rules.ruleFor(placesOf(assertions, index), `${rules.name}-${index}`),
    isRequired: true,
  }));
  const contents = members.map(({ rule }, index) => (index === 0 ? reference(rule) : next(reference(rule))));
  if (most > 0) {
    const places = [...placesOf(assertions, declared), ...contained.places];
    const rule = rules.ruleFor(places, `${rules.name}-item`);
    const item = reference(rule);
    members.push({ name: undefined, rule, isRequired: false });
    if (fixed > 0) contents.push(repeat(next(item), min, most));
    else contents.push(sequence(item, repeat(next(item), Math.max(0, min - 1), most - 1)));
  }
  rules.addContainer({ kind: 'array', members });
  if (contents.length === 0) return between('[', empty, ']', rules.shared);
  const inside = sequence(...contents, rules.shared('space'));
  return between('[', fixed === 0 && min === 0 ? optional(inside) : inside, ']', rules.shared);
}

function longestPrefix(assertions: Assertions): number {
  return Math.max(
    0,
    ...assertions.all('prefixItems').map(({ value }) => (value as readonly unknown[]).length),
  );
}

/** Returns all schemas for the item at an index. */
function placesOf(assertions: Assertions, index: number): Place[] {
  return assertions.parts.flatMap((part) => {
    const { prefixItems } = part.schema;
    if (Array.isArray(prefixItems) && index < prefixItems.length)
      return [subschema(part, 'prefixItems', index)];
    if (Object.hasOwn(part.schema, 'items')) return [subschema(part, 'items')];
    const isEvaluated = assertions.has('items') || index < longestPrefix(assertions);
    return Object.hasOwn(part.schema, 'unevaluatedItems') && !isEvaluated
      ? [subschema(part, 'unevaluatedItems')]
      : [];
  });
}

/** Returns the largest number of items that `items`, `prefixItems` and `unevaluatedItems` allow. */
function closedAfter(assertions: Assertions): number {
  const lengths = assertions.parts.map(({ schema }) => {
    const { prefixItems, items, unevaluatedItems } = schema;
    const prefix = Array.isArray(prefixItems) ? prefixItems : [];
    const forbidden = prefix.indexOf(false);
    if (forbidden >= 0) return forbidden;
    if (items === false) return prefix.length;
    // Items of other schemas are evaluated too.
    const isClosed = unevaluatedItems === false && !assertions.has('items');
    return isClosed ? longestPrefix(assertions) : Number.POSITIVE_INFINITY;
  });
  return Math.min(Number.POSITIVE_INFINITY, ...lengths);
}

/** A list of unique items is not longer than the list of values that an item may have. */
function mostUnique(assertions: Assertions): number {
  if (!assertions.all('uniqueItems').some(({ value }) => value === true)) return Number.POSITIVE_INFINITY;
  const lists = assertions.all('items').flatMap(({ value }) => {
    if (!isJsonObject(value)) return [];
    const { enum: list, type } = value;
    if (Array.isArray(list)) return [list.length];
    return type === 'boolean' ? [2] : type === 'null' ? [1] : [];
  });
  return Math.min(Number.POSITIVE_INFINITY, ...lists);
}

/**
 * Makes every item satisfy one `contains`, though JSON Schema would only require some of them to do so. The other
 * ones are left to the check.
 */
function readContained(assertions: Assertions): { places: readonly Place[]; min: number } {
  for (const part of assertions.parts) {
    const { contains, minContains = 1 } = part.schema;
    if (contains !== undefined && Number(minContains) > 0)
      return { places: [subschema(part, 'contains')], min: Number(minContains) };
  }
  return { places: [], min: 0 };
}
