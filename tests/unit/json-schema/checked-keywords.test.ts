// A grammar enforces what it can. The check of the finished text enforces the rest.
import { describe, expect, it } from 'vitest';
import { schemaToGbnf } from '../../../src/json-schema/json-schema-grammar.ts';
import { validateJson } from '../../../src/json-schema/validate-json.ts';
import { Gbnf } from './gbnf.ts';
import { seededRandom } from './seeded-random.ts';

const text = { type: 'string' };
const a = { properties: { a: text } };

interface Checked {
  readonly schema: unknown;
  /** Satisfies the schema. */
  readonly valid: string;
  /** Violates the schema, though the grammar may generate it. */
  readonly invalid: string;
}

const checked: readonly Checked[] = [
  {
    schema: { type: 'array', items: { type: 'integer' }, uniqueItems: true },
    valid: '[1,2]',
    invalid: '[1,1]',
  },
  { schema: { type: 'integer', multipleOf: 7 }, valid: '14', invalid: '15' },
  { schema: { type: 'object', not: { required: ['a'] } }, valid: '{"b":1}', invalid: '{"a":1}' },
  {
    schema: {
      ...a,
      additionalProperties: text,
      if: { required: ['a'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ['b'] },
      else: { required: ['c'] },
    },
    valid: '{"a":"","b":""}',
    invalid: '{"a":""}',
  },
  {
    schema: { type: 'array', prefixItems: [text], items: {}, contains: { const: 1 } },
    valid: '["",1]',
    invalid: '["",2]',
  },
  { schema: { contains: { const: 1 }, maxContains: 1 }, valid: '[1]', invalid: '[1,1]' },
  {
    schema: { type: 'object', patternProperties: { '^(?!x)': text } },
    valid: '{"x":1,"a":""}',
    invalid: '{"a":1}',
  },
  { schema: { type: 'object', propertyNames: { maxLength: 3 } }, valid: '{"abc":1}', invalid: '{"abcd":1}' },
  { schema: { type: 'object', dependentRequired: { a: ['b'] } }, valid: '{"b":1}', invalid: '{"a":1}' },
  {
    schema: { type: 'object', dependentSchemas: { a: { required: ['b'] } } },
    valid: '{"b":1}',
    invalid: '{"a":1}',
  },
  {
    schema: { type: 'object', dependencies: { a: ['b'], c: { required: ['b'] } } },
    valid: '{}',
    invalid: '{"c":1}',
  },
  { schema: { pattern: '^(?=.*x).*$' }, valid: '"ax"', invalid: '"a"' },
  { schema: { pattern: '(?<=a)b' }, valid: '"ab"', invalid: '"b"' },
  { schema: { pattern: '^\\p{L}+$' }, valid: '"é"', invalid: '"1"' },
  { schema: { pattern: '^(.)\\1$' }, valid: '"aa"', invalid: '"ab"' },
  { schema: { pattern: '\\bcat\\b' }, valid: '"a cat"', invalid: '"cats"' },
  { schema: { pattern: '(a$)|^b' }, valid: '"ba"', invalid: '"ab"' },
  {
    schema: { pattern: '^a', format: 'uuid' },
    valid: '"a0000000-0000-0000-0000-000000000000"',
    invalid: '"a"',
  },
  { schema: { allOf: [{ pattern: '^a' }, { pattern: 'b$' }] }, valid: '"ab"', invalid: '"a"' },
  { schema: { pattern: 'a{100000000000000000000}' }, valid: '1', invalid: '"a"' },
  { schema: { pattern: `^${'a'.repeat(2001)}$` }, valid: `"${'a'.repeat(2001)}"`, invalid: '"a"' },
  { schema: { format: 'regex' }, valid: '"a+"', invalid: '"("' },
  { schema: { type: 'number', minimum: 1e20 }, valid: '1e20', invalid: '1' },
  { schema: { oneOf: [{ type: 'integer' }, { type: 'number' }] }, valid: '1.5', invalid: '1' },
  {
    schema: { allOf: [a, { properties: { b: text } }], unevaluatedProperties: false },
    valid: '{"a":"","b":""}',
    invalid: '{"c":1}',
  },
  {
    schema: { oneOf: [{ properties: { a: text } }, { required: ['b'] }], minProperties: 2 },
    valid: '{"a":1,"b":2}',
    invalid: '{"b":2}',
  },
];

describe('a keyword that a grammar cannot express', () => {
  it.each(checked.map((each) => ({ ...each, shown: JSON.stringify(each.schema).slice(0, 90) })))(
    'is left to the check: $shown',
    ({ schema, valid, invalid }) => {
      expect(schemaToGbnf(schema)).toContain('root ::= ');
      expect(validateJson(schema, valid)).toMatchObject({ valid: true });
      expect(validateJson(schema, invalid)).toMatchObject({ valid: false });
    },
  );
});

describe('a pattern with an assertion that a grammar cannot express', () => {
  it.each([
    // A decimal number in Pydantic's schemas.
    ['^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$', '-12.50', '$12.50'],
    ['^(?=.*\\d)[a-z\\d]{4,8}$', 'abc1', 'abc'],
    ['^(^a|b)c$', 'bc', 'dc'],
    ['\\bcat\\b', 'a cat', 'a dog'],
  ])('is enforced without it: %s', (pattern, matching, other) => {
    const grammar = new Gbnf(schemaToGbnf({ type: 'string', pattern })).toRegExp();

    expect([matching, other].filter((each) => grammar.test(JSON.stringify(each)))).toEqual([matching]);
    expect(validateJson({ pattern }, JSON.stringify(matching))).toMatchObject({ valid: true });
  });
});

const kind = { kind: { enum: ['a', 'b'] } };
const isB = { properties: { kind: { const: 'b' } } };
const size = { properties: { size: { type: 'integer' } }, required: ['size'] };
const namedSize = { properties: { size: { enum: ['S', 'L'] } } };

const when = (condition: unknown, yes: unknown, no: unknown = true) => ({
  if: condition,
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: yes,
  else: no,
});

/** Objects of a kind and a size that only a condition declares. */
const conditional: readonly { schema: object; valid: string; others: readonly string[] }[] = [
  {
    schema: { required: ['kind'], ...when(isB, size) },
    valid: '{"kind":"b","size":3}',
    others: ['{"kind":"b","size":"S"}', '{"size":3,"kind":"b"}'],
  },
  {
    schema: { required: ['kind'], ...when(isB, size, namedSize) },
    valid: '{"kind":"a","size":"S"}',
    others: ['{"kind":"a","size":"M"}', '{"kind":"a","size":true}'],
  },
  {
    schema: { allOf: [when(isB, { $ref: '#/$defs/size' }, when(true, namedSize))], $defs: { size } },
    valid: '{"kind":"b","size":3}',
    others: ['{"kind":"b","size":true}'],
  },
  {
    schema: {
      dependentSchemas: {
        kind: { oneOf: [{ properties: { kind: { const: 'a' } } }, { allOf: [isB, size] }] },
      },
    },
    valid: '{"kind":"b","size":3}',
    others: ['{"kind":"b","size":"S"}'],
  },
  {
    schema: { unevaluatedProperties: false, ...when(isB, size, { properties: { size: false } }) },
    valid: '{"kind":"b","size":3}',
    others: ['{"kind":"b","other":3}'],
  },
];

describe('a property that only a condition declares', () => {
  it.each(conditional.map((each) => ({ ...each, shown: JSON.stringify(each.schema).slice(0, 120) })))(
    'may be generated: $shown',
    ({ schema, valid, others }) => {
      const whole = { type: 'object', properties: kind, ...schema };
      const grammar = new Gbnf(schemaToGbnf(whole)).toRegExp();

      expect([valid, ...others].filter((each) => grammar.test(each))).toEqual([valid]);
      expect(validateJson(whole, valid)).toMatchObject({ valid: true });
    },
  );

  it('may be generated when another one requires it', () => {
    const schema = { properties: { a: text }, dependentRequired: { a: ['b'] } };

    expect(schemaToGbnf(schema)).toContain('"b\\":"');
  });

  it.each([
    { additionalProperties: false },
    { propertyNames: { enum: ['kind'] } },
    { patternProperties: { '^s': false } },
  ])('is not generated when %j forbids it', (fields) => {
    const schema = { type: 'object', properties: kind, ...when(isB, size), ...fields };

    expect(schemaToGbnf(schema)).not.toContain('size');
    expect(validateJson(schema, '{"kind":"b","size":3}')).toMatchObject({ valid: false });
  });
});

/** Schemas that a grammar expresses completely, though they were not written for one. */
const enforced: readonly unknown[] = [
  { type: 'object', properties: { a: text, b: text, c: text }, minProperties: 2 },
  { type: 'object', properties: { a: text, b: text, c: text }, minProperties: 1, maxProperties: 1 },
  { type: 'object', properties: { a: text, b: text, c: text }, required: ['b'], maxProperties: 2 },
  { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 2, maxProperties: 3 },
  {
    type: 'object',
    patternProperties: { '^x-[a-z]{1,5}$': { type: 'integer' } },
    additionalProperties: false,
  },
  { type: 'object', propertyNames: { pattern: '^[a-z]{2,4}$' }, additionalProperties: { type: 'integer' } },
  { type: 'array', contains: { const: 1 }, minContains: 2 },
  { type: 'array', items: { enum: [1, 2, 3] }, contains: { type: 'integer' } },
  { type: 'integer', multipleOf: 5 },
  { type: 'integer', multipleOf: 100 },
  { type: 'number', multipleOf: 0.25 },
  { type: 'number', multipleOf: 0.5 },
  { type: 'integer', minimum: -20, maximum: 40, multipleOf: 7 },
  { enum: ['a', 'abc', 1, 7, null], minLength: 2, maximum: 3 },
  { anyOf: [false, { type: 'integer', enum: ['a'] }, { const: 'b' }] },
  { type: 'object', properties: { a: { enum: [] }, b: { const: 1 } } },
  {
    type: 'object',
    properties: { next: { $ref: '#' }, a: { $ref: '#/$defs/endless' } },
    $defs: { endless: { items: { $ref: '#/$defs/endless' }, minItems: 1 } },
  },
  { type: 'string', format: 'json-pointer' },
  { type: 'string', format: 'relative-json-pointer' },
  { type: 'string', format: 'uri-reference' },
  { type: 'string', format: 'uri-template' },
  { type: 'string', format: 'url' },
  { type: 'string', pattern: '^[\\w-.]{1,4}\\_\\-{$' },
];

describe('a schema that a grammar expresses completely', () => {
  it.each(enforced.map((schema) => ({ schema, shown: JSON.stringify(schema).slice(0, 90) })))(
    'has only matching texts: $shown',
    ({ schema }) => {
      const grammar = new Gbnf(schemaToGbnf(schema));
      const random = seededRandom(4);
      const texts = Array.from({ length: 40 }, () => grammar.sample(random));

      expect(texts.filter((each) => !validateJson(schema, each).valid)).toEqual([]);
    },
  );
});

/** Schemas in the forms of older drafts and of other tools, with the same schema in 2020-12. */
const dialects: readonly (readonly [title: string, schema: unknown, modern: unknown])[] = [
  [
    'unknown keywords',
    { type: 'string', errorMessage: 1, strict: true, 'x-a': 1, contentEncoding: 'base64' },
    text,
  ],
  ['an unknown format', { type: 'string', format: 'path' }, text],
  ['a format of another type', { type: 'integer', format: 'date' }, { type: 'integer' }],
  ['keywords that are null', { type: 'string', enum: null, minLength: null, title: null }, text],
  ['nullable', { type: 'string', nullable: true }, { type: ['string', 'null'] }],
  ['nullable without a type', { nullable: true, enum: ['a'] }, { enum: ['a'] }],
  [
    'a boolean exclusiveMinimum',
    { type: 'integer', minimum: 3, exclusiveMinimum: true, maximum: 9 },
    { type: 'integer', exclusiveMinimum: 3, maximum: 9 },
  ],
  [
    'exclusiveMaximum false',
    { type: 'integer', maximum: 3, exclusiveMaximum: false, minimum: 0 },
    { type: 'integer', maximum: 3, minimum: 0 },
  ],
  [
    'a list of items',
    { type: 'array', items: [text, { const: 1 }], additionalItems: false },
    { type: 'array', prefixItems: [text, { const: 1 }], items: false },
  ],
  [
    'a required property',
    { type: 'object', properties: { a: { type: 'string', required: true } } },
    { type: 'object', properties: { a: text }, required: ['a'] },
  ],
  ['definitions', { $ref: '#/definitions/a', definitions: { a: text } }, text],
  ['an anchor', { $ref: '#a', $defs: { b: { $anchor: 'a', type: 'string' } } }, text],
  [
    'an id',
    {
      $ref: 'https://example.com/a.json',
      $defs: { b: { $id: 'https://example.com/a.json', type: 'string' } },
    },
    text,
  ],
  [
    'a relative id of draft 4',
    {
      id: 'http://x.org/',
      items: { $ref: 'a.json#/definitions/b' },
      definitions: { c: { id: 'a.json', definitions: { b: text } } },
    },
    { items: text },
  ],
  [
    'a reference to any place',
    { $ref: '#/components/schemas/A%20b', components: { schemas: { 'A b': text } } },
    text,
  ],
  ['a dynamic reference', { $dynamicRef: '#a', $defs: { b: { $dynamicAnchor: 'a', type: 'string' } } }, text],
  ['the type any', { type: 'any', enum: ['a', 1] }, { enum: ['a', 1] }],
  ['divisibleBy', { type: 'integer', divisibleBy: 10 }, { type: 'integer', multipleOf: 10 }],
];

describe('a schema in another dialect', () => {
  it.each(dialects)('means the same as in JSON Schema 2020-12: %s', (_, schema, modern) => {
    expect(schemaToGbnf(schema)).toBe(schemaToGbnf(modern));
  });
});
