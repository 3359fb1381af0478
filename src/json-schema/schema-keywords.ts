// The keywords of JSON Schema 2020-12 that constrain values, and the values that each may have.
import { isJsonObject } from './json-object.ts';

/** Keywords whose value is a schema. */
export const schemaKeywords: ReadonlySet<string> = new Set(
  (
    'not if then else contains propertyNames additionalProperties unevaluatedProperties items ' +
    'unevaluatedItems'
  ).split(' '),
);

/** Keywords whose value is a list of schemas. */
export const schemaListKeywords: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);

/** Keywords whose value is an object of schemas. */
export const schemaMapKeywords: ReadonlySet<string> = new Set(
  'properties patternProperties dependentSchemas'.split(' '),
);

const typeNames: readonly unknown[] = [
  ...['integer', 'object', 'array', 'string', 'number', 'boolean', 'null'],
];

interface Check {
  readonly isValid: (value: unknown) => boolean;
  /** Continues the sentence after the keyword and its path. */
  readonly says: string;
}

const number: Check = { isValid: (value) => typeof value === 'number', says: 'must be a number' };
const text: Check = { isValid: (value) => typeof value === 'string', says: 'must be a string' };
const texts: Check = { isValid: isTexts, says: 'must be a list of strings' };
const count: Check = {
  isValid: (value) => Number.isInteger(value) && Number(value) >= 0,
  says: 'must be a whole number, 0 or more',
};

/** The checks of the other keywords. A keyword that is in no table is an annotation and constrains nothing. */
export const valueChecks: ReadonlyMap<string, Check> = new Map(
  Object.entries({
    type: {
      isValid: (value) => {
        const names = Array.isArray(value) ? value : [value];
        return names.length > 0 && names.every((name) => typeNames.includes(name));
      },
      says: `must be one or more of ${typeNames.join(', ')}`,
    },
    enum: { isValid: Array.isArray, says: 'must be a list' },
    const: { isValid: () => true, says: '' },
    required: texts,
    dependentRequired: {
      isValid: (value) => isJsonObject(value) && Object.values(value).every(isTexts),
      says: 'must be an object of lists of strings',
    },
    minimum: number,
    maximum: number,
    exclusiveMinimum: number,
    exclusiveMaximum: number,
    multipleOf: {
      isValid: (value) => typeof value === 'number' && value > 0,
      says: 'must be a number above 0',
    },
    minLength: count,
    maxLength: count,
    minItems: count,
    maxItems: count,
    minProperties: count,
    maxProperties: count,
    minContains: count,
    maxContains: count,
    pattern: text,
    format: text,
    uniqueItems: { isValid: (value) => typeof value === 'boolean', says: 'must be true or false' },
  } satisfies Record<string, Check>),
);

export function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
