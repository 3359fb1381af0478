// Schemas that would keep the process busy for ever, or break it, are refused; large ones that would not are not.
import { describe, expect, it } from 'vitest';
import { schemaToGbnf } from '../../../src/json-schema/json-schema-grammar.ts';
import { UnsupportedSchemaError } from '../../../src/json-schema/unsupported-schema-error.ts';

const text = { type: 'string' };

/** Definitions each of which is made of the next one. */
function chain(length: number, link: (next: { $ref: string }) => unknown): unknown {
  const definitions = Array.from({ length }, (_, index) => [
    `d${index}`,
    index === length - 1 ? text : link({ $ref: `#/$defs/d${index + 1}` }),
  ]);
  return { $ref: '#/$defs/d0', $defs: Object.fromEntries(definitions) };
}

function nested(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let schema: unknown = text;
  for (let level = 0; level < levels; level++) schema = wrap(schema);
  return schema;
}

function propertiesOf(count: number, schema: unknown): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`property ${index}`, schema]));
}

const cyclic: Record<string, unknown> = { type: 'object' };
cyclic.properties = { self: cyclic };

describe('what is too large is refused:', () => {
  it.each<[string, unknown, string]>([
    ['nesting', nested(200, (items) => ({ items })), 'levels deep'],
    ['a value that is nested', { const: nested(100_000, (inner) => [inner]) }, 'levels deep'],
    ['a cycle', cyclic, 'levels deep'],
    ['properties', { properties: propertiesOf(10_000, text) }, 'more than 5000 schemas'],
    ['values', { enum: Array.from({ length: 60_000 }, (_, index) => index) }, 'more than 50000 values'],
    ['text', { enum: Array.from({ length: 300 }, (_, index) => `${index}`.repeat(1000)) }, 'characters'],
    ['a least length', { type: 'string', minLength: 1e12 }, "'minLength' at '#' is more than 1000000"],
    ['a least count', { items: text, minItems: 1_000_001 }, "'minItems' at '#' is more than 1000000"],
    ['references', chain(1000, (next) => next), 'behind more than 200 references'],
    [
      'alternatives of alternatives',
      chain(30, (next) => ({ anyOf: [{ anyOf: [next, { type: 'null' }] }, { anyOf: [next, text] }] })),
      'alternatives within alternatives',
    ],
    [
      'alternatives',
      { anyOf: Array.from({ length: 501 }, (_, index) => ({ properties: { [`p${index}`]: text } })) },
      'more than 500 alternatives',
    ],
    [
      'combinations',
      {
        allOf: Array.from({ length: 30 }, (_, index) => ({
          anyOf: [{ minLength: index }, { maxLength: 99 + index }],
        })),
      },
      'more than 5000 schemas',
    ],
  ])('%s', (_, schema, says) => {
    expect(() => schemaToGbnf(schema)).toThrow(UnsupportedSchemaError);
    expect(() => schemaToGbnf(schema)).toThrow(says);
  });
});

describe('what could be read in too many ways at once is refused:', () => {
  const alike = { message: expect.stringContaining('begin alike') };
  const branch = (kind: string) => ({
    type: 'object',
    properties: { left: { $ref: '#' }, kind: { const: kind } },
    required: ['left', 'kind'],
  });

  it.each<[string, unknown]>([
    ['objects told apart after what is in them', { anyOf: [branch('a'), branch('b'), text] }],
    [
      'lists of themselves',
      { anyOf: [{ items: { $ref: '#' } }, { items: { $ref: '#' }, minItems: 1 }, text] },
    ],
    [
      'objects without anything required',
      { anyOf: ['a', 'b'].map((name) => ({ properties: { x: { $ref: '#' }, [name]: text } })) },
    ],
    ['lists in lists', chain(12, (items) => ({ anyOf: [{ items }, { items, maxItems: 9 }] }))],
  ])('%s', (_, schema) => {
    expect(() => schemaToGbnf(schema)).toThrow(expect.objectContaining(alike));
  });

  it.each<[string, unknown]>([
    [
      'objects that begin with what tells them apart',
      {
        anyOf: ['a', 'b'].map((kind) => ({
          properties: { id: text, kind: { const: kind }, left: { $ref: '#' } },
          required: ['id', 'kind'],
        })),
      },
    ],
    [
      'objects that have no name in common',
      { anyOf: ['a', 'b'].map((name) => ({ properties: { [name]: { $ref: '#' } } })) },
    ],
    [
      'lists that begin with what tells them apart',
      {
        anyOf: ['a', 'b']
          .map((kind) => ({ prefixItems: [{ const: kind }, { $ref: '#' }] }))
          .concat([text as never]),
      },
    ],
    [
      'objects of which one has no more in it',
      { anyOf: [{ properties: { a: { $ref: '#' } } }, { properties: { a: text, b: text } }] },
    ],
    ['objects and any objects', { anyOf: [{ type: 'object' }, { properties: { a: { $ref: '#' } } }] }],
    ['lists in a few lists', chain(6, (items) => ({ anyOf: [{ items }, { items, maxItems: 9 }] }))],
  ])('but not %s', (_, schema) => {
    expect(schemaToGbnf(schema)).toContain('root ::= ');
  });
});

describe('what is only large is not refused:', () => {
  it.each<[string, unknown]>([
    ['nesting', nested(90, (items) => ({ items }))],
    ['1,000 optional properties', { properties: propertiesOf(1000, text) }],
    [
      '1,000 required properties',
      { properties: propertiesOf(1000, text), required: Object.keys(propertiesOf(1000, text)) },
    ],
    ['5,000 values', { enum: Array.from({ length: 5000 }, (_, index) => `value ${index}`) }],
    ['a text as long as one likes', { type: 'string', maxLength: 2 ** 53 - 1 }],
    [
      'long texts in many properties',
      { properties: propertiesOf(100, { type: 'string', maxLength: 10_000 }) },
    ],
    ['a long list of long lists', nested(5, (items) => ({ items, maxItems: 10_000 }))],
    [
      '400 kinds of objects',
      {
        anyOf: Array.from({ length: 400 }, (_, index) => ({
          properties: { kind: { const: index }, of: { $ref: '#' } },
          required: ['kind'],
        })),
      },
    ],
    ['references', chain(1000, (next) => ({ properties: { next }, required: ['next'] }))],
    ['groups in a pattern', { pattern: `^${'('.repeat(900)}a${')'.repeat(900)}$` }],
    ['values that begin alike', { enum: Array.from({ length: 200 }, (_, index) => 'a'.repeat(index)) }],
    [
      'long names beside others',
      { properties: propertiesOf(3, text), additionalProperties: text, required: ['x'.repeat(5000)] },
    ],
  ])('%s', (_, schema) => {
    expect(schemaToGbnf(schema)).toContain('root ::= ');
  });
});
