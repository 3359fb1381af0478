// Rules for lists: fixed first items (`prefixItems`), then items of one schema, between two counts.
import type { Member } from './ambiguity.ts';
import { type Assertions, subschema } from './assertions.ts';
import { empty, type GrammarNode, literal, optional, reference, repeat, sequence } from './grammar-node.ts';
import { between } from './json-rules.ts';
import type { Place } from './schema-document.ts';
import type { SchemaRules } from './schema-rules.ts';
import { UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** The keywords that constrain lists. */
export const arrayKeywords = [
  'prefixItems',
  'items',
  'unevaluatedItems',
  'minItems',
  'maxItems',
  'uniqueItems',
];

export function arrayNode(assertions: Assertions, rules: SchemaRules): GrammarNode {
  const counts = assertions.counts('minItems', 'maxItems');
  const prefixes = assertions.all('prefixItems').map(({ value, path }) => {
    if (Array.isArray(value) && value.length > 0) return value.length;
    throw new UnsupportedSchemaError('prefixItems', path, 'must be a non-empty list');
  });
  const declared = Math.max(0, ...prefixes);
  const max = Math.min(counts.max, closedAfter(assertions));
  if (counts.min > max) throw assertions.refusal('minItems', `cannot be satisfied: the maximum is ${max}`);
  assertUniqueItems(assertions, max);

  // Requires all prefixItems, because schemas usually mean that. JSON Schema would allow fewer.
  const fixed = Math.min(declared, max);
  const min = Math.max(0, counts.min - fixed);
  const hasMore = assertions.has('items') || declared === 0 || min > 0;
  const most = hasMore ? max - fixed : 0;
  const next = (item: GrammarNode) => sequence(literal(','), rules.shared('space'), item);

  const members: Member[] = Array.from({ length: fixed }, (_, index) => ({
    name: `${index}`,
    rule: rules.ruleFor(placesOf(assertions, index), `${rules.name}-${index}`),
    isRequired: true,
  }));
  const contents = members.map(({ rule }, index) => (index === 0 ? reference(rule) : next(reference(rule))));
  if (most > 0) {
    const rule = rules.ruleFor(placesOf(assertions, declared), `${rules.name}-item`);
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

/** Returns all schemas for the item at an index. */
function placesOf(assertions: Assertions, index: number): Place[] {
  return assertions.parts.flatMap((part) => {
    const { prefixItems } = part.schema;
    if (Array.isArray(prefixItems) && index < prefixItems.length)
      return [subschema(part, 'prefixItems', index)];
    return Object.hasOwn(part.schema, 'items') ? [subschema(part, 'items')] : [];
  });
}

/** Returns the largest number of items that `items`, `prefixItems` and `unevaluatedItems` allow. */
function closedAfter(assertions: Assertions): number {
  const lengths = assertions.parts.map((part) => {
    const { prefixItems, items, unevaluatedItems = true } = part.schema;
    if (Array.isArray(items)) {
      throw new UnsupportedSchemaError(
        'items',
        part.path,
        "must be one schema. Use 'prefixItems' for several schemas",
      );
    }
    if (unevaluatedItems !== true && (unevaluatedItems !== false || assertions.parts.length > 1)) {
      throw new UnsupportedSchemaError('unevaluatedItems', part.path, "is not supported: use 'items'");
    }
    const prefix = Array.isArray(prefixItems) ? prefixItems : [];
    const forbidden = prefix.indexOf(false);
    if (forbidden >= 0) return forbidden;
    return (items ?? unevaluatedItems) === false ? prefix.length : Number.POSITIVE_INFINITY;
  });
  return Math.min(Number.POSITIVE_INFINITY, ...lengths);
}

function assertUniqueItems(assertions: Assertions, max: number): void {
  for (const { value, path } of assertions.all('uniqueItems')) {
    if (typeof value !== 'boolean')
      throw new UnsupportedSchemaError('uniqueItems', path, 'must be true or false');
    if (value && max > 1) throw new UnsupportedSchemaError('uniqueItems', path, 'is not supported');
  }
}
