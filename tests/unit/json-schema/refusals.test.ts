import { describe, expect, it } from 'vitest';
import { schemaToGbnf } from '../../../src/json-schema/json-schema-grammar.ts';
import { SchemaError } from '../../../src/json-schema/schema-error.ts';

function refusalOf(schema: unknown): SchemaError {
  try {
    schemaToGbnf(schema);
  } catch (error) {
    if (error instanceof SchemaError) return error;
    throw error;
  }
  throw new Error('The schema was not rejected.');
}

const text = { type: 'string' };

/** A schema and a part of the message of its error. */
interface Refusal {
  readonly schema: unknown;
  readonly keyword: string;
  /** Default '#'. */
  readonly path?: string;
  readonly says: string;
}

const references: readonly Refusal[] = [
  ...[
    'https://example.com/a.json',
    '#name',
    '#/$defs/missing',
    '#/allOf/length',
    '#/$defs/__proto__',
    '#/$defs/%',
  ].map(($ref) => ({ schema: { $ref, allOf: [{}], $defs: {} }, keyword: '$ref', says: 'names no schema' })),
  {
    schema: {
      items: { $dynamicRef: '#a' },
      $defs: { b: { $id: 'b', $dynamicAnchor: 'a' }, c: { $dynamicAnchor: 'a' } },
    },
    keyword: '$dynamicRef',
    path: '#/items',
    says: 'names several schemas',
  },
  { schema: { $ref: '#/enum/0', enum: [7] }, keyword: '', path: '#/enum/0', says: 'must be an object' },
];

const unsatisfiable: readonly Refusal[] = [
  { schema: false, keyword: '', says: 'no value matches it' },
  { schema: { items: false, minItems: 1 }, keyword: 'minItems', says: 'the maximum is 0' },
  { schema: { enum: [] }, keyword: 'enum', says: 'allows no value' },
  { schema: { type: 'integer', enum: ['a', 1.5] }, keyword: 'enum', says: 'allows no value' },
  { schema: { const: 1, enum: [2] }, keyword: 'enum', says: 'allows no value' },
  {
    schema: { minLength: 3, maxLength: 2 },
    keyword: 'minLength',
    says: "cannot be satisfied: 'maxLength' is 2",
  },
  { schema: { minItems: 3, maxItems: 2 }, keyword: 'minItems', says: 'cannot be satisfied' },
  {
    schema: { prefixItems: [text], items: false, minItems: 2 },
    keyword: 'minItems',
    says: 'the maximum is 1',
  },
  { schema: { pattern: '^abc$', maxLength: 2 }, keyword: 'maxLength', says: 'at least 3' },
  { schema: { format: 'date', minLength: 11 }, keyword: 'minLength', says: 'at most 10' },
  { schema: { properties: { a: false }, required: ['a'] }, keyword: 'required', says: "requires 'a'" },
  {
    schema: { required: ['b'], properties: {}, additionalProperties: false },
    keyword: 'required',
    says: "'b'",
  },
  { schema: { required: ['b'], propertyNames: { enum: ['a'] } }, keyword: 'required', says: "'b'" },
  {
    schema: { properties: { a: text }, minProperties: 2 },
    keyword: 'minProperties',
    says: 'the maximum is 1',
  },
  { schema: { type: 'integer', minimum: 0.2, maximum: 0.8 }, keyword: 'minimum', says: 'no whole number' },
  {
    schema: { type: 'integer', exclusiveMinimum: 1, exclusiveMaximum: 2 },
    keyword: 'exclusiveMinimum',
    says: 'no whole',
  },
  {
    schema: { type: 'number', minimum: 2, maximum: 1 },
    keyword: 'minimum',
    says: 'leaves no number',
  },
  {
    schema: { type: 'integer', minimum: 1, maximum: 4, multipleOf: 5 },
    keyword: 'multipleOf',
    says: 'no multiple',
  },
  { schema: { minLength: 1_000_001 }, keyword: 'minLength', says: 'is more than 1000000' },
  {
    schema: { properties: { a: text }, required: ['a'], maxProperties: 0 },
    keyword: 'maxProperties',
    says: '1 properties are required',
  },
  { schema: { enum: ['a'], minLength: 3 }, keyword: 'enum', says: 'allows no value' },
  {
    schema: { anyOf: [false, { type: 'string', enum: [1] }] },
    keyword: 'enum',
    path: '#/anyOf/1',
    says: 'allows no value',
  },
  {
    schema: { properties: { a: { items: false, minItems: 1 } }, required: ['a'] },
    keyword: 'minItems',
    path: '#/properties/a',
    says: 'the maximum is 0',
  },
  { schema: { allOf: [text, { type: 'null' }] }, keyword: 'type', path: '#/allOf/0', says: 'contradicts' },
];

const endless: readonly Refusal[] = [
  { schema: { $ref: '#' }, keyword: '$ref', says: 'refers to itself' },
  { schema: { allOf: [{ $ref: '#' }] }, keyword: '$ref', path: '#/allOf/0', says: 'refers to itself' },
  {
    schema: { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
    keyword: '$ref',
    path: '#/$defs/b',
    says: 'refers to itself',
  },
  {
    schema: { anyOf: [text, { $ref: '#' }] },
    keyword: '',
    says: 'refers to itself, with nothing in between',
  },
  { schema: { properties: { next: { $ref: '#' } }, required: ['next'] }, keyword: '', says: 'can never end' },
  {
    schema: {
      properties: { a: { $ref: '#/$defs/b' } },
      required: ['a'],
      $defs: { b: { items: { $ref: '#/$defs/b' }, minItems: 1 } },
    },
    keyword: '',
    path: '#/$defs/b',
    says: 'can never end',
  },
];

const malformed: readonly Refusal[] = [
  ...[null, 3, 'x', []].map((schema) => ({ schema, keyword: '', says: 'must be an object, true or false' })),
  ...[undefined, Number.NaN, { const: 1n }, () => 1].map((schema) => ({
    schema,
    keyword: '',
    says: 'is not JSON',
  })),
  { schema: { properties: { a: 'string' } }, keyword: '', path: '#/properties/a', says: 'must be an object' },
  { schema: { properties: [text] }, keyword: 'properties', says: 'must be an object' },
  { schema: { required: 'a' }, keyword: 'required', says: 'must be a list of strings' },
  { schema: { required: [1] }, keyword: 'required', says: 'must be a list of strings' },
  { schema: { type: 'text' }, keyword: 'type', says: 'must be one or more of integer, object' },
  { schema: { type: [] }, keyword: 'type', says: 'must be' },
  { schema: { type: ['string', 1] }, keyword: 'type', says: 'must be' },
  { schema: { enum: 'a' }, keyword: 'enum', says: 'must be a list' },
  { schema: { anyOf: [] }, keyword: 'anyOf', says: 'must be a non-empty list' },
  { schema: { allOf: {} }, keyword: 'allOf', says: 'must be a non-empty list' },
  { schema: { prefixItems: [] }, keyword: 'prefixItems', says: 'must be a non-empty list' },
  { schema: { $ref: 1 }, keyword: '$ref', says: 'must be a string' },
  { schema: { pattern: 1 }, keyword: 'pattern', says: 'must be a string' },
  { schema: { minLength: -1 }, keyword: 'minLength', says: 'must be a whole number' },
  { schema: { maxItems: 1.5 }, keyword: 'maxItems', says: 'must be a whole number' },
  { schema: { minimum: '3' }, keyword: 'minimum', says: 'must be a number' },
  { schema: { exclusiveMaximum: true }, keyword: 'exclusiveMaximum', says: "or true beside 'maximum'" },
  { schema: { not: 7 }, keyword: '', path: '#/not', says: 'must be an object, true or false' },
  { schema: { contains: {}, minContains: -1 }, keyword: 'minContains', says: 'must be a whole number' },
  { schema: { dependentRequired: { a: 'b' } }, keyword: 'dependentRequired', says: 'an object of lists' },
  { schema: { dependencies: 1 }, keyword: 'dependencies', says: 'must be an object' },
  {
    schema: { patternProperties: { '(': {} } },
    keyword: 'patternProperties',
    says: 'not a regular expression',
  },
  {
    schema: { if: { pattern: '(' } },
    keyword: 'pattern',
    path: '#/if',
    says: 'not a regular expression',
  },
  { schema: { type: 'number', multipleOf: 0 }, keyword: 'multipleOf', says: 'above 0' },
  { schema: { uniqueItems: 'yes' }, keyword: 'uniqueItems', says: 'must be true or false' },
  { schema: { properties: { '\ud800': text } }, keyword: '', says: 'half a surrogate pair' },
];

describe.each([
  ['a reference that names no schema', references],
  ['a schema that no value matches', unsatisfiable],
  ['a schema that requires itself', endless],
  ['a malformed schema', malformed],
] satisfies [string, readonly Refusal[]][])('%s', (_, refusals: readonly Refusal[]) => {
  it.each(refusals.map((each) => ({ ...each, shown: JSON.stringify(each.schema, showBigInt) })))(
    'is rejected with the keyword and its path: $shown',
    ({ schema, keyword, path = '#', says }) => {
      const error = refusalOf(schema);

      expect({ keyword: error.keyword, path: error.path }).toEqual({ keyword, path });
      expect(error.message).toContain(says);
      expect(error.message).toContain(
        keyword === '' ? `The schema at '${path}'` : `'${keyword}' at '${path}'`,
      );
      expect(error.message).not.toMatch(/[\n\r]|\.\./);
    },
  );
});

describe('the message of a SchemaError', () => {
  it('is one line, even for long names with control characters', () => {
    const error = refusalOf({ properties: { [`a\n\u2028${'b'.repeat(500)}`]: { type: 1 } } });

    expect(error.message).toMatch(/^'type' at '#\/properties\/a\\n\?b+…' must be one or more of .*\.$/);
    expect(error.path).toContain('\n');
  });
});

function showBigInt(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}
