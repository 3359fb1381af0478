import { describe, expect, it } from 'vitest';
import { findCustomId, maxLineBytes, parseBatchLine } from '../../../src/batch/batch-line.ts';
import { ForeignFields } from '../../../src/generation/foreign-fields.ts';
import { toLine } from './requests.ts';

const parse = (text: string) => parseBatchLine(Buffer.from(text));

describe('parseBatchLine', () => {
  it("parses OpenAI's format", () => {
    expect(parse(toLine('one'))).toEqual({
      custom_id: 'one',
      method: 'POST',
      url: '/v1/completions',
      body: { prompt: 'one?', max_tokens: 8 },
    });
  });

  it.each([
    ['{"custom_id": "one', 'invalid_json', null],
    ['[]', 'invalid_value', null],
    [
      JSON.stringify({ method: 'POST', url: '/v1/completions', body: {} }),
      'missing_required_parameter',
      'custom_id',
    ],
    [toLine(''), 'invalid_value', 'custom_id'],
    [toLine('é'.repeat(129)), 'invalid_value', 'custom_id'],
    [toLine('\ud800'), 'invalid_value', 'custom_id'],
    [toLine('a\udc00b'), 'invalid_value', 'custom_id'],
    [toLine('one').replace('POST', 'GET'), 'invalid_value', 'method'],
    [toLine('one', { stream: true }), 'unsupported_parameter', 'body.stream'],
    [`${toLine('one')}${' '.repeat(maxLineBytes)}`, 'request_too_large', null],
  ])('rejects a line with %2$s at %3$s', (line, code, param) => {
    expect(() => parse(line)).toThrow(expect.objectContaining({ code, param }));
  });

  it('ignores a foreign field, or rejects it under the strict rule', () => {
    const line = Buffer.from(toLine('one').replace('{', '{"extra": 1,'));
    const foreign = new ForeignFields();

    expect(parseBatchLine(line, foreign)).not.toHaveProperty('extra');
    expect(foreign.ignored).toBe('extra');
    expect(() => parseBatchLine(line, new ForeignFields({ strict: true }))).toThrow(
      expect.objectContaining({ code: 'unknown_parameter', param: 'extra' }),
    );
  });

  it('accepts any character in custom_id', () => {
    expect(parse(toLine('😀')).custom_id).toBe('😀');
  });

  it('finds the custom_id of a line that is invalid otherwise', () => {
    const find = (text: string) => findCustomId(Buffer.from(text));

    expect(find('{"custom_id": "one", "method": 7}')).toBe('one');
    expect(['{"custom_id": 1}', '{', 'null', '[]'].map(find)).toEqual([null, null, null, null]);
  });
});
