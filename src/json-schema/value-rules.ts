// Rules for the values that `enum` and `const` list.

import type { Assertions, Part } from './assertions.ts';
import { choice, type GrammarNode, literal, sequence } from './grammar-node.ts';
import { isJsonObject } from './json-object.ts';

/**
 * Returns the JSON texts of the values that all `enum` and `const` keywords allow and that satisfy the others.
 *
 * @throws {UnsatisfiableSchemaError} when no value remains
 */
export function listedValues(
  assertions: Assertions,
  isSatisfied: (schema: unknown, value: unknown) => boolean,
): string[] {
  const [first = [], ...others] = readLists(assertions).map((values) => new Map(values.map(withKey)));
  const allowed = [...first].filter(
    ([key, value]) =>
      others.every((list) => list.has(key)) &&
      assertions.parts.every(({ schema }) => isSatisfied(withoutLists(schema), value)),
  );
  const keyword = assertions.has('enum') ? 'enum' : 'const';
  if (allowed.length === 0) throw assertions.refusal(keyword, 'allows no value');
  return allowed.map(([, value]) => JSON.stringify(value));
}

const elsewhere = new Set(['enum', 'const', '$ref', 'allOf', 'anyOf', 'oneOf', '$defs']);

/** Leaves out the lists, which are compared by their keys, and schemas that are parts of their own. */
function withoutLists(schema: Part['schema']): Part['schema'] {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !elsewhere.has(keyword)));
}

/** Shared prefixes are nested at most this deep. */
const mostBranches = 64;

/**
 * Matches one of several texts. Shared prefixes are matched once, so that llama.cpp follows only one text.
 */
export function oneOfTexts(texts: readonly string[], branches = 0): GrammarNode {
  if (branches === mostBranches) return choice(...texts.map(literal));
  const groups = Map.groupBy(texts, (text) => text.codePointAt(0));
  const options = [...groups.values()].map((group) => {
    const [first = ''] = group;
    if (group.length === 1) return literal(first);
    let shared = 0;
    while (shared < first.length && group.every((text) => text[shared] === first[shared])) shared++;
    // Never splits a surrogate pair.
    if (!first.slice(0, shared).isWellFormed()) shared--;
    const rests = group.map((text) => text.slice(shared));
    return sequence(literal(first.slice(0, shared)), oneOfTexts(rests, branches + 1));
  });
  return choice(...options);
}

function readLists(assertions: Assertions): unknown[][] {
  const lists = assertions.all('enum').map(({ value }) => value as unknown[]);
  return [...lists, ...assertions.all('const').map(({ value }) => [value])];
}

/** Equal values have equal keys. The order of an object's properties does not matter. */
function withKey(value: unknown): [key: string, value: unknown] {
  const sorted = (_: string, inner: unknown) =>
    isJsonObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner;
  return [JSON.stringify(value, sorted), value];
}
