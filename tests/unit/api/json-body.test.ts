import { describe, expect, it } from 'vitest';
import { assertFewParsed, parseJson } from '../../../src/api/json-body.ts';

describe('parseJson', () => {
  it('parses UTF-8', () => {
    expect(parseJson(Buffer.from('{"prompt": "Grüße 🌍"}'))).toEqual({ prompt: 'Grüße 🌍' });
  });

  it('reports the position of a syntax error without quoting the body', () => {
    expect(() => parseJson(Buffer.from('{"prompt": "private" oops}'))).toThrow(
      /^The request body is not valid JSON at character 21\.$/,
    );
  });

  it('drops a byte order mark', () => {
    expect(parseJson(Buffer.from('\uFEFF{"prompt": "Hi"}'))).toEqual({ prompt: 'Hi' });
  });

  it('rejects invalid UTF-8 and an empty body', () => {
    expect(() => parseJson(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toThrow('not valid UTF-8');
    expect(() => parseJson(Buffer.from(' \n'))).toThrow('is empty');
  });

  it('parses a deeply nested body', () => {
    const depth = 60_000;
    expect(parseJson(Buffer.from('['.repeat(depth) + ']'.repeat(depth)))).toBeInstanceOf(Array);
  });
});

describe('parseJson, with very many values', () => {
  const list = (count: number, item: string) => `[${Array(count).fill(item).join()}]`;

  it.each([
    ['fields', `{${Array.from({ length: 65_536 }, (_, key) => `"a${key}": 1`).join()}}`],
    ['lists', list(65_536, '[]')],
    ['objects behind a text', `{"a": "\\\\", "b": ${list(65_536, '{}')}}`],
  ])('refuses %s', (_, text) => {
    expect(() => parseJson(Buffer.from(text))).toThrow('at most 65536 fields, lists and objects');
    expect(() => assertFewParsed(JSON.parse(text))).toThrow('at most 65536 fields, lists and objects');
  });

  it('refuses numbers', () => {
    const text = list(131_074, '1');
    expect(() => parseJson(Buffer.from(text))).toThrow('at most 131072 entries of lists and objects');
    expect(() => assertFewParsed(JSON.parse(text))).toThrow('at most 131072 entries of lists and objects');
  });

  it.each([
    ['fields', `{${Array.from({ length: 65_535 }, (_, key) => `"a${key}": 1`).join()}}`],
    ['lists', list(65_535, '[]')],
    ['numbers', list(131_073, '1')],
  ])('takes as many %s as the limit', (_, text) => {
    expect(assertFewParsed(parseJson(Buffer.from(text)))).toBeUndefined();
  });

  it.each([
    ['texts with the characters of such', list(100, JSON.stringify('{"a": [\\"'.repeat(1000)))],
    ['numbers', list(131_000, '1')],
    ['a text without an end', `["${'['.repeat(70_000)}`],
  ])('counts none in %s', (_, text) => {
    expect(() => parseJson(Buffer.from(text))).not.toThrow('fields, lists and objects');
  });
});

describe('parseJson, with the body of an invocation', () => {
  it.each(['{}', '{"prompt":"Paris é 🙂"}', '[1]', '"text"', 'null', ' 1 ', '{"a":"\\ud800"}'])(
    'accepts %s',
    (text) => {
      expect(parseJson(Buffer.from(text))).toEqual(JSON.parse(text));
    },
  );

  it.each([
    { name: 'an empty body', bytes: Buffer.alloc(0), fault: /empty/ },
    { name: 'white space', bytes: Buffer.from(' \n'), fault: /empty/ },
    { name: 'text', bytes: Buffer.from('prompt=hello'), fault: /not valid JSON/ },
    { name: 'JSON cut short', bytes: Buffer.from('{"a":'), fault: /not valid JSON/ },
    { name: 'JSON with trailing text', bytes: Buffer.from('{}{}'), fault: /not valid JSON/ },
    { name: 'a character cut short', bytes: Buffer.from('"é"').subarray(0, 2), fault: /not valid UTF-8/ },
    { name: 'Latin-1', bytes: Buffer.from('"é"', 'latin1'), fault: /not valid UTF-8/ },
    { name: 'gzip', bytes: Buffer.from([0x1f, 0x8b, 8, 0]), fault: /not valid UTF-8/ },
  ])('rejects $name', ({ bytes, fault }) => {
    expect(() => parseJson(bytes)).toThrow(fault);
  });
});
