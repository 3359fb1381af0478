import { describe, expect, it } from 'vitest';
import { schemaToGbnf } from '../../../src/json-schema/json-schema-grammar.ts';
import { SchemaError } from '../../../src/json-schema/schema-error.ts';
import { validateJson } from '../../../src/json-schema/validate-json.ts';
import { Gbnf } from './gbnf.ts';
import { randomSchema } from './random-schema.ts';
import { schemaCases } from './schemas.ts';
import { seededRandom } from './seeded-random.ts';

/** Sampling stops after this many characters. */
const mostCharacters = 20_000;

/** Samples texts from a grammar, and returns those that violate the schema. */
function findViolations(schema: unknown, gbnf: string, count: number, random: () => number): string[] {
  const grammar = new Gbnf(gbnf);
  const found: string[] = [];
  for (let index = 0, characters = 0; index < count && characters < mostCharacters; index++) {
    const text = grammar.sample(random);
    characters += text.length;
    if (!validateJson(schema, text).valid) found.push(text);
  }
  return found;
}

describe('the grammar of a schema', () => {
  it.each(schemaCases)('accepts only matching texts: $title', ({ schema }) => {
    expect(findViolations(schema, schemaToGbnf(schema), 50, seededRandom(1))).toEqual([]);
  });

  it('accepts mostly matching texts for 250 random schemas, unless no value matches the schema', () => {
    const refusals: unknown[] = [];
    const wider: unknown[] = [];
    const seeds = Array.from({ length: 250 }, (_, index) => index);
    for (const seed of seeds) {
      const random = seededRandom(seed);
      const schema = randomSchema(random);
      try {
        if (findViolations(schema, schemaToGbnf(schema), 6, random).length > 0) wider.push(schema);
      } catch (error) {
        expect(error).toBeInstanceOf(SchemaError);
        refusals.push(error);
      }
    }

    expect(refusals.length).toBeLessThan(seeds.length / 4);
    expect(refusals.filter((error) => String(error).includes('\n'))).toEqual([]);
    expect(wider.length).toBeLessThan(seeds.length / 10);
  });

  it('starts with the rule root and contains all rules', () => {
    const schema = { type: 'object', properties: { on: { type: 'boolean' } }, required: ['on'] };

    expect(schemaToGbnf(schema)).toBe(
      [
        'root ::= answer',
        'answer ::= "{" space "\\"" answer-from-on space "}"',
        'answer-from-on ::= "on\\":" blank answer-on',
        'answer-on ::= boolean',
        'boolean ::= "true" | "false"',
        'blank ::= " "?',
        'space ::= "" | " " | "\\n" " "{0,16}',
        '',
      ].join('\n'),
    );
  });

  it('does not modify the schema', () => {
    const schema = { $id: 'x', $ref: '#/$defs/a', $defs: { a: { type: 'string' } } };
    const before = structuredClone(schema);
    schemaToGbnf(Object.freeze(schema));
    validateJson(schema, '"a"');

    expect(schema).toEqual(before);
    expect(Reflect.ownKeys(schema)).toEqual(Reflect.ownKeys(before));
  });
});

describe('the grammar of any object', () => {
  it('accepts only objects', () => {
    const gbnf = schemaToGbnf({ type: 'object' });

    expect(findViolations({ type: 'object' }, gbnf, 300, seededRandom(2))).toEqual([]);
  });
});

describe('the grammar of numbers between two bounds', () => {
  const bounds = [
    -1000, -120.5, -99, -10, -1.5, -1, -0.25, -0.001, 0, 0.001, 0.1, 0.3, 1, 1.25, 9, 10, 17, 99.9, 100, 101,
    990, 1234,
  ];
  const pairs = bounds.flatMap((low) => bounds.filter((high) => low < high).map((high) => ({ low, high })));

  it('accepts exactly the whole numbers in the range', () => {
    const candidates = Array.from({ length: 2601 }, (_, index) => index - 1300);
    for (const { low, high } of pairs) {
      const integers = candidates.filter((value) => low < value && value <= high);
      if (integers.length === 0) continue;
      const pattern = new Gbnf(
        schemaToGbnf({ type: 'integer', exclusiveMinimum: low, maximum: high }),
      ).toRegExp();

      expect(
        candidates.filter((value) => pattern.test(`${value}`)),
        `${low} to ${high}`,
      ).toEqual(integers);
    }
  });

  it('accepts exactly the decimal numbers in the range', () => {
    const fractions = [
      '',
      '.0',
      '.000001',
      '.001',
      '.05',
      '.249999',
      '.25',
      '.3',
      '.5',
      '.9',
      '.95',
      '.999999',
    ];
    const wholes = [
      0, 1, 2, 8, 9, 10, 11, 16, 17, 98, 99, 100, 101, 119, 120, 121, 989, 990, 1000, 1233, 1234, 1235,
    ];
    const candidates = wholes
      .flatMap((whole) => fractions.map((fraction) => `${whole}${fraction}`))
      .flatMap((text) => (Number(text) === 0 ? [text] : [text, `-${text}`]));
    for (const { low, high } of pairs) {
      const pattern = new Gbnf(
        schemaToGbnf({ type: 'number', minimum: low, exclusiveMaximum: high }),
      ).toRegExp();
      const within = candidates.filter((text) => low <= Number(text) && Number(text) < high);

      expect(
        candidates.filter((text) => pattern.test(text)),
        `${low} to ${high}`,
      ).toEqual(within);
    }
  });
});
