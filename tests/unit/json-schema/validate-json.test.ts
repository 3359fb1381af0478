import { describe, expect, it } from 'vitest';
import { validateJson } from '../../../src/json-schema/validate-json.ts';
import { schemaCases } from './schemas.ts';

function isValid(schema: unknown, text: string): boolean {
  return validateJson(schema, text).valid;
}

describe('validateJson', () => {
  it.each(schemaCases)('agrees with the grammar: $title', (each) => {
    const { schema, accepts, rejects = [], narrower = [] } = each;

    expect([...accepts, ...narrower].filter((text) => !isValid(schema, text))).toEqual([]);
    expect(rejects.filter((text) => isValid(schema, text))).toEqual([]);
  });

  it('returns the parsed value', () => {
    expect(validateJson({ type: 'array' }, ' [1, {"__proto__": 2}]')).toEqual({
      valid: true,
      value: [1, JSON.parse('{"__proto__": 2}')],
    });
  });

  it('rejects a value that satisfies several schemas of a oneOf', () => {
    const schema = { oneOf: [{ type: 'integer' }, { type: 'number' }] };

    expect(isValid(schema, '1.5')).toBe(true);
    expect(validateJson(schema, '1')).toEqual({
      valid: false,
      reason: "it violates '#/oneOf'",
    });
  });

  it.each<[string, unknown, string, string]>([
    ['a partial text', {}, '{"secret": "a', 'it is not valid JSON'],
    ['an empty text', {}, '', 'it is not valid JSON'],
    ['a wrong type', { type: 'null' }, '"secret"', "it violates '#/type'"],
    [
      'a property',
      { properties: { a: { items: { minimum: 3 } } } },
      '{"a": [4, 2]}',
      "it violates '#/properties/a/items/minimum'",
    ],
    [
      'a property that is not allowed',
      { properties: { a: { additionalProperties: false } } },
      '{"a": {"secret": 1}}',
      "it violates '#/properties/a/additionalProperties'",
    ],
    ['false', false, '"secret"', "it violates '#'"],
    [
      'alternatives',
      { anyOf: [{ type: 'null' }, { $ref: '#/$defs/a' }], $defs: { a: { maxLength: 2 } } },
      '"secret"',
      "it violates '#/anyOf'",
    ],
    [
      'a reference',
      { $ref: '#/$defs/a', $defs: { a: { maxLength: 2 } } },
      '"secret"',
      "it violates '#/$ref/maxLength'",
    ],
  ])('names the violated keyword without quoting the text: %s', (_, schema, text, reason) => {
    expect(validateJson(schema, text)).toEqual({ valid: false, reason });
  });

  it('rejects a text that is nested too deeply', () => {
    const schema = { items: { $ref: '#' } };
    const depth = 100_000;

    expect(validateJson(schema, '['.repeat(depth) + ']'.repeat(depth))).toEqual({
      valid: false,
      reason: 'it is nested too deeply to validate',
    });
  });
});
