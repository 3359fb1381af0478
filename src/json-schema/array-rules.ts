// Lists: a fixed beginning, and then items of one kind, between two counts.
import type { Member } from './ambiguity.ts';
import { type Assertions, below } from './assertions.ts';
import { empty, type GrammarNode, literal, optional, reference, repeat, sequence } from './grammar-node.ts';
import { between } from './json-rules.ts';
import type { Place } from './schema-document.ts';
import type { SchemaRules } from './schema-rules.ts';
import { UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** The keywords that say something about lists. */
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
    throw new UnsupportedSchemaError('prefixItems', path, 'must be a list that is not empty');
  });
  const declared = Math.max(0, ...prefixes);
  const max = Math.min(counts.max, closedAfter(assertions));
  if (counts.min > max) throw assertions.refusal('minItems', `cannot be satisfied: ${max} are allowed`);
  assertUniqueItems(assertions, max);

  // Of a fixed beginning, all is meant, though JSON Schema allows it to be cut short.
  const fixed = Math.min(declared, max);
  const min = Math.max(0, counts.min - fixed);
  const hasMore = assertions.has('items') || declared === 0 || min > 0;
  const most = hasMore ? max - fixed : 0;
  const next = (item: GrammarNode) => sequence(literal(','), rules.shared('space'), item);

  const members: Member[] = Array.from({ length: fixed }, (_, index) => ({
    name: `${index}`,
    rule: rules.valueOf(placesOf(assertions, index), `${rules.name}-${index}`),
    isRequired: true,
  }));
  const begun = members.map(({ rule }, index) => (index === 0 ? reference(rule) : next(reference(rule))));
  if (most > 0) {
    const rule = rules.valueOf(placesOf(assertions, declared), `${rules.name}-item`);
    const item = reference(rule);
    members.push({ name: undefined, rule, isRequired: false });
    if (fixed > 0) begun.push(repeat(next(item), min, most));
    else begun.push(sequence(item, repeat(next(item), Math.max(0, min - 1), most - 1)));
  }
  rules.holds({ kind: 'array', members });
  if (begun.length === 0) return between('[', empty, ']', rules.shared);
  const inside = sequence(...begun, rules.shared('space'));
  return between('[', fixed === 0 && min === 0 ? optional(inside) : inside, ']', rules.shared);
}

/** What the schemas say about the item at an index. */
function placesOf(assertions: Assertions, index: number): Place[] {
  return assertions.parts.flatMap((part) => {
    const { prefixItems } = part.schema;
    if (Array.isArray(prefixItems) && index < prefixItems.length) return [below(part, 'prefixItems', index)];
    return Object.hasOwn(part.schema, 'items') ? [below(part, 'items')] : [];
  });
}

/** How many items there may be, because no schema allows more. */
function closedAfter(assertions: Assertions): number {
  const lengths = assertions.parts.map((part) => {
    const { prefixItems, items, unevaluatedItems = true } = part.schema;
    if (Array.isArray(items)) {
      throw new UnsupportedSchemaError(
        'items',
        part.path,
        "must be one schema: 'prefixItems' is for several",
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
