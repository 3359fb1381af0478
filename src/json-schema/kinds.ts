// The JSON types that a value may have.
import { arrayKeywords } from './array-rules.ts';
import type { Assertions } from './assertions.ts';
import { numberKeywords } from './number-rules.ts';
import { objectKeywords } from './object-rules.ts';
import { stringKeywords } from './string-rules.ts';

export type Kind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';

/** The keywords that constrain each type. */
const keywordsOf: Readonly<Record<Kind, readonly string[]>> = {
  object: objectKeywords,
  array: arrayKeywords,
  string: stringKeywords,
  number: numberKeywords,
  boolean: [],
  null: [],
};

const allKinds = Object.keys(keywordsOf) as Kind[];

/** The allowed types, and whether numbers must be integers. */
export interface Kinds {
  readonly kinds: readonly Kind[];
  readonly isInteger: boolean;
}

/**
 * Reads `type`. Without it, the other keywords imply the types: `properties` implies an object, though JSON
 * Schema would allow a number.
 */
export function readKinds(assertions: Assertions): Kinds {
  const types = assertions.all('type').map(({ value }) => (Array.isArray(value) ? value : [value]));
  const isInteger = types.some((names) => names.includes('integer') && !names.includes('number'));
  let kinds = allKinds.filter((kind) =>
    types.every((names) => names.includes(kind) || (kind === 'number' && names.includes('integer'))),
  );
  if (types.length === 0 && !assertions.has('enum', 'const')) {
    const implied = allKinds.filter((kind) => assertions.has(...keywordsOf[kind]));
    if (implied.length > 0) kinds = implied;
  }
  if (kinds.length === 0) throw assertions.refusal('type', 'contradicts the type of another schema');
  return { kinds, isInteger };
}

/** Whether no keyword constrains the type. */
export function isUnconstrained(kind: Kind, assertions: Assertions): boolean {
  return !assertions.has(...keywordsOf[kind]) && !(kind === 'number' && assertions.has('format'));
}
