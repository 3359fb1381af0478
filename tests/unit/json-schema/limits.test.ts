// Schemas that would block or crash the process are rejected, or enforced to a lower depth.
import { describe, expect, it } from 'vitest';
import { schemaToGbnf } from '../../../src/json-schema/json-schema-grammar.ts';
import { matchesPattern } from '../../../src/json-schema/pattern-grammar.ts';
import { SchemaError } from '../../../src/json-schema/schema-error.ts';
import { TimeLimitError } from '../../../src/json-schema/time-limit.ts';
import { validateJson } from '../../../src/json-schema/validate-json.ts';

const text = { type: 'string' };

/** Creates a chain of definitions. Each of them refers to the next one. */
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

describe('a schema is rejected for too many', () => {
  it.each<[string, unknown, string]>([
    ['levels of schemas', nested(200, (items) => ({ items })), 'levels deep'],
    ['levels of a value', { const: nested(100_000, (inner) => [inner]) }, 'levels deep'],
    ['levels, because it is cyclic', cyclic, 'levels deep'],
    ['values', { enum: Array.from({ length: 60_000 }, (_, index) => index) }, 'more than 50000 values'],
    ['required characters', { type: 'string', minLength: 1e12 }, "'minLength' at '#' is more than 1000000"],
    ['required items', { items: text, minItems: 1_000_001 }, "'minItems' at '#' is more than 1000000"],
    ['references', chain(1000, (next) => next), 'follows more than 200 references'],
  ])('%s', (_, schema, says) => {
    expect(() => schemaToGbnf(schema)).toThrow(SchemaError);
    expect(() => schemaToGbnf(schema)).toThrow(says);
  });
});

describe('a schema with too large a grammar is enforced by its types alone:', () => {
  it.each<[string, unknown, string]>([
    ['many properties', { properties: propertiesOf(10_000, text) }, 'object'],
    [
      'many characters',
      { enum: Array.from({ length: 300 }, (_, index) => `${index}`.repeat(1000)) },
      'value',
    ],
    [
      'nested alternatives',
      chain(30, (next) => ({ anyOf: [{ anyOf: [next, { type: 'null' }] }, { anyOf: [next, text] }] })),
      'value',
    ],
    [
      'many alternatives',
      {
        type: 'object',
        anyOf: Array.from({ length: 501 }, (_, index) => ({ properties: { [`p${index}`]: text } })),
      },
      'object',
    ],
    [
      'combinations',
      {
        type: 'string',
        allOf: Array.from({ length: 30 }, (_, index) => ({
          anyOf: [{ minLength: index }, { maxLength: 99 + index }],
        })),
      },
      'string',
    ],
  ])('%s', (_, schema, rule) => {
    const isAny = rule === 'value';
    const answer = isAny ? 'object | array | string | number | boolean | null' : rule;

    expect(schemaToGbnf(schema)).toMatch(
      new RegExp(`^answer(-\\d+)? ::= ${answer.replaceAll('|', '\\|')}$`, 'm'),
    );
  });
});

describe('a schema that is too large below its first levels', () => {
  it('is enforced in its first levels', () => {
    const crowded = { properties: propertiesOf(10_000, text) };
    const schema = { properties: { kind: { const: 'a' }, of: crowded }, required: ['kind', 'of'] };
    const gbnf = schemaToGbnf(schema);

    expect(gbnf).toMatch(/^answer(-\d+)?-from-kind(-\d+)? ::= "kind\\":" /m);
    expect(gbnf).toMatch(/^answer(-\d+)?-of(-\d+)? ::= object$/m);
  });
});

describe('a pattern that takes exponential time', () => {
  it.each([
    ['nested optional items', `^${'('.repeat(100)}a${'?b?)*'.repeat(100)}$`],
    ['nested empty repetitions', `^${'('.repeat(300)}${')*'.repeat(300)}$`],
    ['optional items in a row', `^${'(a?b?)?'.repeat(250)}$`],
    ['many dots', '.*'.repeat(900)],
  ])('is enforced or left to the check: %s', (_, pattern) => {
    expect(schemaToGbnf({ type: 'string', pattern })).toContain('root ::= ');
  });

  it('ends the check of a text', () => {
    const text = `${'a'.repeat(50)}b`;

    expect(() => validateJson({ pattern: '^(a+)+$' }, JSON.stringify(text))).toThrow(TimeLimitError);
    expect(() => matchesPattern('(a+)+', text)).toThrow(TimeLimitError);
  });

  it('is refused when V8 cannot match it', () => {
    const pattern = `^${'a'.repeat(3_000_000)}$`;

    expect(() => validateJson({ pattern }, '"a"')).toThrow(SchemaError);
    expect(() => matchesPattern(pattern, 'a')).toThrow(SchemaError);
  });

  it('ends the compilation of names, which are then not enforced', () => {
    const schema = { properties: { [`${'a'.repeat(50)}b`]: text }, patternProperties: { '^(a+)+$': text } };

    expect(schemaToGbnf(schema)).toMatch(/^answer(-\d+)? ::= object$/m);
  });
});

describe('a schema with many possible parses', () => {
  const branch = (kind: string) => ({
    type: 'object',
    properties: { left: { $ref: '#' }, kind: { const: kind } },
    required: ['left', 'kind'],
  });

  it.each<[string, unknown]>([
    ['objects that differ only after their nested objects', { anyOf: [branch('a'), branch('b'), text] }],
    [
      'lists that contain themselves',
      { anyOf: [{ items: { $ref: '#' } }, { items: { $ref: '#' }, minItems: 1 }, text] },
    ],
    [
      'objects without required properties',
      { anyOf: ['a', 'b'].map((name) => ({ properties: { x: { $ref: '#' }, [name]: text } })) },
    ],
    ['12 levels of lists', chain(12, (items) => ({ anyOf: [{ items }, { items, maxItems: 9 }] }))],
  ])('is enforced to a lower depth: %s', (_, schema) => {
    expect(schemaToGbnf(schema)).toMatch(/^answer-.* ::= .*\bobject\b.*$|^value ::= /m);
  });

  it.each<[string, unknown]>([
    [
      'objects that start with different values',
      {
        anyOf: ['a', 'b'].map((kind) => ({
          properties: { id: text, kind: { const: kind }, left: { $ref: '#' } },
          required: ['id', 'kind'],
        })),
      },
    ],
    [
      'objects without a common name',
      { anyOf: ['a', 'b'].map((name) => ({ properties: { [name]: { $ref: '#' } } })) },
    ],
    [
      'lists that start with different values',
      {
        anyOf: ['a', 'b']
          .map((kind) => ({ prefixItems: [{ const: kind }, { $ref: '#' }] }))
          .concat([text as never]),
      },
    ],
    [
      'objects of which only one contains itself',
      { anyOf: [{ properties: { a: { $ref: '#' } } }, { properties: { a: text, b: text } }] },
    ],
    ['objects and any object', { anyOf: [{ type: 'object' }, { properties: { a: { $ref: '#' } } }] }],
    ['6 levels of lists', chain(6, (items) => ({ anyOf: [{ items }, { items, maxItems: 9 }] }))],
  ])('is accepted: %s', (_, schema) => {
    expect(schemaToGbnf(schema)).toContain('root ::= ');
  });
});

describe('a large schema is accepted:', () => {
  it.each<[string, unknown]>([
    ['90 levels', nested(90, (items) => ({ items }))],
    ['1,000 optional properties', { properties: propertiesOf(1000, text) }],
    [
      '1,000 required properties',
      { properties: propertiesOf(1000, text), required: Object.keys(propertiesOf(1000, text)) },
    ],
    ['5,000 values', { enum: Array.from({ length: 5000 }, (_, index) => `value ${index}`) }],
    ['a very large maxLength', { type: 'string', maxLength: 2 ** 53 - 1 }],
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
    ['1,000 references', chain(1000, (next) => ({ properties: { next }, required: ['next'] }))],
    ['900 groups in a pattern', { pattern: `^${'('.repeat(900)}a${')'.repeat(900)}$` }],
    [
      '200 values with a common prefix',
      { enum: Array.from({ length: 200 }, (_, index) => 'a'.repeat(index)) },
    ],
    [
      'a long name and additional properties',
      { properties: propertiesOf(3, text), additionalProperties: text, required: ['x'.repeat(5000)] },
    ],
  ])('%s', (_, schema) => {
    expect(schemaToGbnf(schema)).toContain('root ::= ');
  });
});
