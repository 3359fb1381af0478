import { describe, expect, it } from 'vitest';
import { parseRerankRequest, toTexts } from '../../../../src/api/rerank/rerank-request.ts';
import { ForeignFields } from '../../../../src/generation/foreign-fields.ts';

describe('a rerank request', () => {
  it('has defaults, and documents of both kinds', () => {
    const request = parseRerankRequest({ query: 'q', documents: ['one', { text: 'two' }], top_n: null });

    expect(request).toEqual({ query: 'q', documents: ['one', { text: 'two' }], return_documents: false });
    expect(toTexts(request.documents)).toEqual(['one', 'two']);
  });

  it.each([
    ['no query', { documents: ['one'] }, 'missing_required_parameter', 'query'],
    ['no documents', { query: 'q' }, 'missing_required_parameter', 'documents'],
    ['an empty list', { query: 'q', documents: [] }, 'invalid_value', 'documents'],
    ['2,049 documents', { query: 'q', documents: Array(2049).fill('one') }, 'invalid_value', 'documents'],
    ['an empty document', { query: 'q', documents: ['one', ''] }, 'invalid_value', 'documents.1'],
    [
      'a document without text',
      { query: 'q', documents: [{}] },
      'missing_required_parameter',
      'documents.0.text',
    ],
    ['a fraction as top_n', { query: 'q', documents: ['one'], top_n: 1.5 }, 'invalid_value', 'top_n'],
    ['an unknown field', { query: 'q', documents: ['one'], limit: 3 }, 'unknown_parameter', 'limit'],
    [
      "another server's field",
      { query: 'q', documents: ['one'], max_chunks_per_doc: 3 },
      'unsupported_parameter',
      'max_chunks_per_doc',
    ],
  ])('with %s is rejected under the strict rule', (_, body, code, param) => {
    const strict = new ForeignFields({ strict: true });

    expect(() => parseRerankRequest(body, strict)).toThrow(expect.objectContaining({ code, param }));
  });
});
