// Which of JSON's types a value may have.
import { arrayKeywords } from './array-rules.ts';
import type { Assertions } from './assertions.ts';
import { numberKeywords } from './number-rules.ts';
import { objectKeywords } from './object-rules.ts';
import { stringKeywords } from './string-rules.ts';
import { UnsupportedSchemaError } from './unsupported-schema-error.ts';

export type Kind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';

/** The keywords that say something about each. */
const keywordsOf: Readonly<Record<Kind, readonly string[]>> = {
  object: objectKeywords,
  array: arrayKeywords,
  string: stringKeywords,
  number: numberKeywords,
  boolean: [],
  null: [],
};

const allKinds = Object.keys(keywordsOf) as Kind[];

/** Every keyword that says something about a value. */
export const assertionKeywords: ReadonlySet<string> = new Set([
  'type',
  'enum',
  'const',
  ...Object.values(keywordsOf).flat(),
]);

/** The types that are allowed, and whether a number must be whole. */
export interface Kinds {
  readonly kinds: readonly Kind[];
  readonly isInteger: boolean;
}

/**
 * Reads `type`. Where it is missing, those types are meant that the other keywords are about: `properties` alone would
 * allow a number.
 */
export function readKinds(assertions: Assertions): Kinds {
  const types = assertions.all('type').map(({ value, path }) => readTypes(value, path));
  const isInteger = types.some((names) => names.includes('integer') && !names.includes('number'));
  let kinds = allKinds.filter((kind) =>
    types.every((names) => names.includes(kind) || (kind === 'number' && names.includes('integer'))),
  );
  if (types.length === 0 && !assertions.has('enum', 'const')) {
    const meant = allKinds.filter((kind) => assertions.has(...keywordsOf[kind]));
    if (meant.length > 0) kinds = meant;
  }
  if (kinds.length === 0) throw assertions.refusal('type', 'allows nothing that another schema allows too');
  return { kinds, isInteger };
}

/** Whether the keywords say nothing about a type. */
export function isFree(kind: Kind, assertions: Assertions): boolean {
  return !assertions.has(...keywordsOf[kind]) && !(kind === 'number' && assertions.has('format'));
}

/** What is said beside the values that are listed, and not only about their type. */
export function firstBesideValues(assertions: Assertions): string | undefined {
  return [...assertionKeywords].find((keyword) => !valueKeywords.has(keyword) && assertions.has(keyword));
}

const valueKeywords = new Set(['type', 'enum', 'const']);

function readTypes(value: unknown, path: string): string[] {
  const names = Array.isArray(value) ? value : [value];
  const areKnown = names.every((name) => name === 'integer' || allKinds.includes(name));
  if (names.length > 0 && areKnown) return names;
  throw new UnsupportedSchemaError('type', path, `must be one or several of integer, ${allKinds.join(', ')}`);
}
