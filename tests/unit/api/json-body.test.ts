import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../src/api/json-body.ts';

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
    const depth = 30_000;
    expect(parseJson(Buffer.from('['.repeat(depth) + ']'.repeat(depth)))).toBeInstanceOf(Array);
  });
});

describe('parseJson, with very many values', () => {
  it.each([
    ['levels', `${'['.repeat(32_769)}${']'.repeat(32_769)}`, '32768 lists and objects, not 32769'],
    ['objects', JSON.stringify(Array(32_768).fill({})), '32768 lists and objects, not 32769'],
    [
      'fields',
      JSON.stringify(Object.fromEntries(Array.from({ length: 65_537 }, (_, key) => [key, '']))),
      '65536 fields, not 65537',
    ],
    ['numbers', JSON.stringify(Array(131_074).fill(1)), '131072 entries of lists and objects, not 131073'],
  ])('rejects %s before they are parsed', (_, text, message) => {
    expect(() => parseJson(Buffer.from(text))).toThrow(`must have at most ${message}`);
    // Also where the text is not JSON: it was not parsed.
    expect(() => parseJson(Buffer.from(`${text}}`))).toThrow(`must have at most ${message}`);
  });

  it('counts none within texts', () => {
    const text = `[{,:\\"\\`.repeat(100_000);

    expect(parseJson(Buffer.from(JSON.stringify({ prompt: text })))).toEqual({ prompt: text });
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
