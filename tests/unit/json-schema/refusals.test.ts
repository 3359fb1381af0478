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

const unsupported: readonly Refusal[] = [
  ...[
    'not if then else dependentRequired dependentSchemas dependencies patternProperties contains minContains',
    'maxContains additionalItems contentEncoding contentMediaType contentSchema $anchor $dynamicRef $recursiveRef',
    'nullable id divisibleBy strict',
  ]
    .join(' ')
    .split(' ')
    .map((keyword) => ({ schema: { type: 'object', [keyword]: {} }, keyword, says: 'is not supported' })),
  {
    schema: { properties: { a: { items: { anyOf: [text, { 'dependent/~Keyword': 1 }] } } } },
    keyword: 'dependent/~Keyword',
    path: '#/properties/a/items/anyOf/1',
    says: 'is not supported',
  },
  {
    schema: { properties: { 'a/b~': { $id: 'x' } } },
    keyword: '$id',
    path: '#/properties/a~1b~0',
    says: 'not supported',
  },
  { schema: { items: { items: [text] } }, keyword: 'items', path: '#/items', says: 'prefixItems' },
  { schema: { items: text, uniqueItems: true }, keyword: 'uniqueItems', says: 'is not supported' },
  { schema: { propertyNames: { maxLength: 3 } }, keyword: 'propertyNames', says: 'is only supported' },
  { schema: { minProperties: 2 }, keyword: 'minProperties', says: 'is only supported' },
  {
    schema: { properties: { a: text, b: text }, maxProperties: 1 },
    keyword: 'maxProperties',
    says: 'is only supported',
  },
  { schema: { unevaluatedProperties: text }, keyword: 'unevaluatedProperties', says: 'additionalProperties' },
  {
    schema: { allOf: [{ properties: { a: text } }], properties: {}, unevaluatedProperties: false },
    keyword: 'unevaluatedProperties',
    says: 'additionalProperties',
  },
  { schema: { unevaluatedItems: text }, keyword: 'unevaluatedItems', says: "use 'items'" },
  { schema: { type: 'integer', multipleOf: 5 }, keyword: 'multipleOf', says: 'must be 1' },
  {
    schema: { format: 'json-pointer' },
    keyword: 'format',
    says: "does not support 'json-pointer'",
  },
  { schema: { format: 'regex', pattern: 'a' }, keyword: 'format', says: 'does not support' },
  {
    schema: { type: 'integer', format: 'date' },
    keyword: 'format',
    says: "does not support 'date' for numbers",
  },
  { schema: { enum: ['a'], minLength: 3 }, keyword: 'minLength', says: "cannot be used with 'enum'" },
  { schema: { $ref: 'https://example.com/a.json' }, keyword: '$ref', says: "start with '#/'" },
  { schema: { $ref: '#name' }, keyword: '$ref', says: "start with '#/'" },
  { schema: { $ref: '#/$defs/missing', $defs: {} }, keyword: '$ref', says: 'names no schema' },
  { schema: { $ref: '#/enum/0', enum: [{}] }, keyword: '$ref', says: 'names no schema' },
  { schema: { $ref: '#/allOf/length', allOf: [{}] }, keyword: '$ref', says: 'names no schema' },
  { schema: { $ref: '#/$defs/__proto__', $defs: {} }, keyword: '$ref', says: 'names no schema' },
  { schema: { $ref: '#/$defs/%', $defs: {} }, keyword: '$ref', says: 'names no schema' },
];

const patterns: readonly [pattern: string, says: string][] = [
  ['(', 'not a regular expression'],
  ['[\\w-a]', 'not a regular expression in Unicode mode'],
  ['a{100000000000000000000}', 'repeats too much'],
  ['^(?=a)b$', 'look-around'],
  ['^(?!a)b$', 'look-around'],
  ['(?<=a)b', 'look-around'],
  ['(?i:a)', 'flag'],
  ['(a)\\1', "'\\1'"],
  ['(?<n>a)\\k<n>', "'\\k'"],
  ['\\ba', "'\\b'"],
  ['a\\B', "'\\B'"],
  ['\\p{L}', "'\\p'"],
  ['a^b', "'^'"],
  ['(a$)', "'$'"],
  ['^a$b', "'$'"],
  ['^\\0$', 'no string that JSON can contain'],
  ['^[^\\s\\S]$', 'no string that JSON can contain'],
  ['^(((a|aa){50}){50}){50}$', 'repeats too much'],
  [`^${'a'.repeat(2000)}$`, 'longer than 2000 characters'],
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
  { schema: { pattern: '^a$', format: 'uuid' }, keyword: 'format', says: 'unless one implies the other' },
  {
    schema: { allOf: [{ pattern: '^a' }, { pattern: 'b$' }] },
    keyword: 'pattern',
    path: '#/allOf/0',
    says: 'unless one implies',
  },
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
    says: 'no number with 6 decimals',
  },
  { schema: { type: 'number', minimum: 1e20 }, keyword: 'minimum', says: 'of at most 15 digits' },
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
  { schema: { propertyNames: { enum: [1] } }, keyword: 'propertyNames', says: 'must be a list of strings' },
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
  { schema: { exclusiveMaximum: true, maximum: 3 }, keyword: 'exclusiveMaximum', says: 'must be a number' },
  { schema: { type: 'number', multipleOf: 0 }, keyword: 'multipleOf', says: 'must be 1' },
  { schema: { uniqueItems: 'yes' }, keyword: 'uniqueItems', says: 'must be true or false' },
  { schema: { properties: { '\ud800': text } }, keyword: '', says: 'half a surrogate pair' },
];

describe.each([
  ['a schema that no grammar can express', unsupported],
  [
    'a pattern that no grammar can express',
    patterns.map(([pattern, says]) => ({ schema: { type: 'string', pattern }, keyword: 'pattern', says })),
  ],
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

describe('the message of an SchemaError', () => {
  it('is one line, even for long names with control characters', () => {
    const error = refusalOf({ properties: { [`a\n\u2028${'b'.repeat(500)}`]: { 'x\r\ny': 1 } } });

    expect(error.message).toMatch(/^'x\\r\\ny' at '#\/properties\/a\\n\?b+…' is not supported\.$/);
    expect(error.path).toContain('\n');
  });
});

function showBigInt(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}
