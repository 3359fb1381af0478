import { describe, expect, it } from 'vitest';
import { GrammarBuilder } from '../../../src/json-schema/grammar-builder.ts';
import { choice, literal, reference, sequence } from '../../../src/json-schema/grammar-node.ts';
import { Gbnf } from './gbnf.ts';
import { seededRandom } from './seeded-random.ts';

describe('GrammarBuilder', () => {
  it('combines several schemas, and makes equal names unique', () => {
    const grammar = new GrammarBuilder();
    const tools = {
      'get weather!': {
        type: 'object',
        properties: { city: { enum: ['Berlin', 'Bern'] } },
        required: ['city'],
      },
      'get-weather-': { type: 'object', properties: { city: { const: 'Rome' } }, required: ['city'] },
      root: { type: 'object', properties: {} },
      string: { type: 'object', properties: { text: { type: 'string', maxLength: 2 } } },
    };
    const calls = Object.entries(tools).map(([name, parameters]) => {
      const rule = grammar.addSchema(parameters, name);
      return sequence(
        literal(`{"name": ${JSON.stringify(name)}, "arguments": `),
        reference(rule),
        literal('}'),
      );
    });
    const written = new Gbnf(grammar.toGbnf(grammar.addRule('call', choice(...calls))));
    const random = seededRandom(3);
    const texts = Array.from({ length: 200 }, () => JSON.parse(written.sample(random)));

    expect(new Set(texts.map(({ name }) => name))).toEqual(new Set(Object.keys(tools)));
    for (const call of texts) {
      const cities = { 'get weather!': ['Berlin', 'Bern'], 'get-weather-': ['Rome'] }[call.name as string];
      expect(cities ?? [undefined]).toContain(call.arguments.city);
    }
  });

  it('resolves the references of each schema within that schema', () => {
    const grammar = new GrammarBuilder();
    const schema = (value: string) => ({ $ref: '#/$defs/value', $defs: { value: { const: value } } });
    const rules = ['a', 'b'].map((value) => reference(grammar.addSchema(schema(value), 'value')));
    const pattern = new Gbnf(grammar.toGbnf(grammar.addRule('both', sequence(...rules)))).toRegExp();

    expect(pattern.test('"a""b"')).toBe(true);
    expect(pattern.test('"a""a"')).toBe(false);
  });

  it('writes only the rules that are needed', () => {
    const grammar = new GrammarBuilder();
    grammar.addSchema({ type: 'number' }, 'unused');
    const rule = grammar.addSchema({ const: 1 }, 'used');

    expect(grammar.toGbnf(rule)).toBe('root ::= used\nused ::= "1"\n');
  });

  it('has rules for plain JSON', () => {
    const grammar = new GrammarBuilder();
    const rule = grammar.addRule('answer', sequence(literal('x='), grammar.shared('boolean')));

    expect(new Gbnf(grammar.toGbnf(rule)).toRegExp().test('x=true')).toBe(true);
  });

  it('escapes quotes, backslashes and control characters in literals', () => {
    const grammar = new GrammarBuilder();
    const text = 'a"b\\c\n\t\r\u0001\u2028ä😀{[(|)]}*+?^-.';
    const written = grammar.toGbnf(grammar.addRule('text', literal(text)));

    expect(written).toBe('root ::= text\ntext ::= "a\\"b\\\\c\\n\\x09\\x0D\\x01\\u2028ä😀{[(|)]}*+?^-."\n');
    expect(new Gbnf(written).sample(Math.random)).toBe(text);
  });

  it('rejects an unknown rule', () => {
    expect(() => new GrammarBuilder().toGbnf('missing')).toThrow("Unknown rule 'missing'.");
  });
});
