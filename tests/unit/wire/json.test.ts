import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../functions/shared/wire/json.ts';

describe('parseJson', () => {
  it('parses UTF-8', () => {
    expect(parseJson(Buffer.from('{"prompt": "Grüße 🌍"}'))).toEqual({ prompt: 'Grüße 🌍' });
  });

  it('says where JSON is wrong without quoting it', () => {
    expect(() => parseJson(Buffer.from('{"prompt": "private" oops}'))).toThrow(
      /^The request body is not valid JSON at character 21\.$/,
    );
  });

  it('refuses broken UTF-8, and nothing', () => {
    expect(() => parseJson(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toThrow('not valid UTF-8');
    expect(() => parseJson(Buffer.from(' \n'))).toThrow('is empty');
  });

  it('survives a body that is nested very deep', () => {
    const depth = 200_000;
    expect(parseJson(Buffer.from('['.repeat(depth) + ']'.repeat(depth)))).toBeInstanceOf(Array);
  });
});
