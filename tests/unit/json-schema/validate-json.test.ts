import { describe, expect, it } from 'vitest';
import { validateJson } from '../../../src/json-schema/validate-json.ts';
import { schemaCases } from './schemas.ts';

function isValid(schema: unknown, text: string): boolean {
  return validateJson(schema, text).valid;
}

describe('validation', () => {
  it.each(schemaCases)('agrees with what a grammar may admit: $title', (each) => {
    const { schema, admits, refuses = [], narrower = [] } = each;

    expect([...admits, ...narrower].filter((text) => !isValid(schema, text))).toEqual([]);
    expect(refuses.filter((text) => isValid(schema, text))).toEqual([]);
  });

  it('gives the value', () => {
    expect(validateJson({ type: 'array' }, ' [1, {"__proto__": 2}]')).toEqual({
      valid: true,
      value: [1, JSON.parse('{"__proto__": 2}')],
    });
  });

  it('finds what satisfies several schemas of a oneOf', () => {
    const schema = { oneOf: [{ type: 'integer' }, { type: 'number' }] };

    expect(isValid(schema, '1.5')).toBe(true);
    expect(validateJson(schema, '1')).toEqual({
      valid: false,
      reason: "It does not satisfy the schema at '#/oneOf'.",
    });
  });

  it.each<[string, unknown, string, string]>([
    ['a text that is cut off', {}, '{"secret": "a', 'It is not valid JSON.'],
    ['an empty text', {}, '', 'It is not valid JSON.'],
    ['a wrong type', { type: 'null' }, '"secret"', "It does not satisfy the schema at '#/type'."],
    [
      'a property',
      { properties: { a: { items: { minimum: 3 } } } },
      '{"a": [4, 2]}',
      "It does not satisfy the schema at '#/properties/a/items/minimum'.",
    ],
    [
      'a property that is not allowed',
      { properties: { a: { additionalProperties: false } } },
      '{"a": {"secret": 1}}',
      "It does not satisfy the schema at '#/properties/a/additionalProperties'.",
    ],
    ['false', false, '"secret"', "It does not satisfy the schema at '#'."],
    [
      'alternatives',
      { anyOf: [{ type: 'null' }, { $ref: '#/$defs/a' }], $defs: { a: { maxLength: 2 } } },
      '"secret"',
      "It does not satisfy the schema at '#/anyOf'.",
    ],
    [
      'a reference',
      { $ref: '#/$defs/a', $defs: { a: { maxLength: 2 } } },
      '"secret"',
      "It does not satisfy the schema at '#/$ref/maxLength'.",
    ],
  ])('says where a text fails, and does not quote it: %s', (_, schema, text, reason) => {
    expect(validateJson(schema, text)).toEqual({ valid: false, reason });
  });

  it('refuses what is nested too deeply to be checked', () => {
    const schema = { items: { $ref: '#' } };
    const depth = 100_000;

    expect(validateJson(schema, '['.repeat(depth) + ']'.repeat(depth))).toEqual({
      valid: false,
      reason: 'It is nested too deeply to be checked.',
    });
  });
});
