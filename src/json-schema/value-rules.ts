// Values that a schema lists one by one.

import type { Assertions } from './assertions.ts';
import { choice, type GrammarNode, literal, sequence } from './grammar-node.ts';
import { isJsonObject } from './json-object.ts';
import { firstBesideValues, type Kind, type Kinds } from './kinds.ts';
import { UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** The values that `enum` and `const` have in common, of the types that are allowed, as texts. */
export function listedValues(assertions: Assertions, { kinds, isInteger }: Kinds): string[] {
  const keyword = assertions.has('enum') ? 'enum' : 'const';
  const beside = firstBesideValues(assertions);
  if (beside !== undefined) throw assertions.refusal(beside, `is not supported beside '${keyword}'`);
  const [first = [], ...others] = readLists(assertions).map((values) => new Map(values.map(withKey)));
  const allowed = [...first].filter(
    ([key, value]) =>
      others.every((list) => list.has(key)) &&
      kinds.includes(kindOf(value)) &&
      (!isInteger || typeof value !== 'number' || Number.isInteger(value)),
  );
  if (allowed.length === 0) throw assertions.refusal(keyword, 'allows no value');
  return allowed.map(([, value]) => JSON.stringify(value));
}

/** Beginnings that are shared are looked for so many times within each other. */
const mostBranches = 64;

/** One of several texts. What they begin with in common is matched once, or all of them would be followed at once. */
export function oneOfTexts(texts: readonly string[], branches = 0): GrammarNode {
  if (branches === mostBranches) return choice(...texts.map(literal));
  const groups = Map.groupBy(texts, (text) => text.codePointAt(0));
  const options = [...groups.values()].map((group) => {
    const [first = ''] = group;
    if (group.length === 1) return literal(first);
    let shared = 0;
    while (shared < first.length && group.every((text) => text[shared] === first[shared])) shared++;
    // Both halves of a surrogate pair, or none.
    if (!first.slice(0, shared).isWellFormed()) shared--;
    const rests = group.map((text) => text.slice(shared));
    return sequence(literal(first.slice(0, shared)), oneOfTexts(rests, branches + 1));
  });
  return choice(...options);
}

function readLists(assertions: Assertions): unknown[][] {
  const lists = assertions.all('enum').map(({ value, path }) => {
    if (Array.isArray(value)) return value;
    throw new UnsupportedSchemaError('enum', path, 'must be a list');
  });
  return [...lists, ...assertions.all('const').map(({ value }) => [value])];
}

/** Two values are the same when their keys are; the order of an object's properties does not count. */
function withKey(value: unknown): [key: string, value: unknown] {
  const sorted = (_: string, inner: unknown) =>
    isJsonObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner;
  return [JSON.stringify(value, sorted), value];
}

function kindOf(value: unknown): Kind {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : (typeof value as Kind);
}
