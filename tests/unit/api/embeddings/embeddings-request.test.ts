import { describe, expect, it } from 'vitest';
import { parseEmbeddingsRequest } from '../../../../src/api/embeddings/embeddings-request.ts';
import { ForeignFields } from '../../../../src/generation/foreign-fields.ts';

describe('an embeddings request', () => {
  it('has defaults, and ignores fields that are null', () => {
    expect(parseEmbeddingsRequest({ input: 'text', encoding_format: null, dimensions: null })).toEqual({
      input: 'text',
      encoding_format: 'float',
    });
  });

  it('may have 2,048 inputs', () => {
    const input = Array.from({ length: 2048 }, (_, index) => `text ${index}`);

    expect(parseEmbeddingsRequest({ input }).input).toEqual(input);
  });

  it.each([
    ['no input', {}, 'missing_required_parameter', 'input'],
    ['an empty text', { input: '' }, 'invalid_value', 'input'],
    ['an empty text in a list', { input: ['text', ''] }, 'invalid_value', 'input.1'],
    ['an empty list', { input: [] }, 'invalid_value', 'input'],
    ['an empty list of tokens', { input: [[1], []] }, 'invalid_value', expect.stringMatching(/^input/)],
    ['2,049 inputs', { input: Array(2049).fill('text') }, 'invalid_value', expect.stringMatching(/^input/)],
    ['texts and tokens', { input: ['text', 7] }, 'invalid_value', expect.stringMatching(/^input/)],
    ['a fraction as a token', { input: [1.5] }, 'invalid_value', expect.stringMatching(/^input/)],
    ['a number', { input: 7 }, 'invalid_value', 'input'],
    ['an unknown encoding', { input: 'text', encoding_format: 'int8' }, 'invalid_value', 'encoding_format'],
    ['0 dimensions', { input: 'text', dimensions: 0 }, 'invalid_value', 'dimensions'],
    ['an unknown field', { input: 'text', prompt: 'text' }, 'unknown_parameter', 'prompt'],
    ["another server's field", { input: 'text', truncate: 'END' }, 'unsupported_parameter', 'truncate'],
  ])('with %s is rejected under the strict rule', (_, body, code, param) => {
    const strict = new ForeignFields({ strict: true });

    expect(() => parseEmbeddingsRequest(body, strict)).toThrow(expect.objectContaining({ code, param }));
  });
});
