import { describe, expect, it } from 'vitest';
import { rerank } from '../../../../src/api/rerank/rerank.ts';
import { FakeEmbedder } from '../fake-embedder.ts';

const context = { id: 'r1', signal: new AbortController().signal };
const documents = ['xyz', 'abcd', { text: 'bcd' }, 'dcb'];

function ask(body: object, embedder = new FakeEmbedder({ type: 'rank' })) {
  return rerank({ query: 'abcd', documents, ...body }, { embedder, model: 'tiny' }, context);
}

describe('a rerank request', () => {
  it('is answered with documents by relevance, equal ones in the order of the request', async () => {
    expect(await ask({ model: 'tiny' })).toEqual({
      id: 'rerank-r1',
      object: 'list',
      model: 'tiny',
      results: [
        { index: 1, relevance_score: 1 },
        { index: 2, relevance_score: 0.75 },
        { index: 3, relevance_score: 0.75 },
        { index: 0, relevance_score: 0 },
      ],
      usage: { prompt_tokens: 29, total_tokens: 29 },
    });
  });

  it('is answered with top_n documents, and their texts with return_documents', async () => {
    const { results } = await ask({ top_n: 2, return_documents: true });

    expect(results).toEqual([
      { index: 1, relevance_score: 1, document: { text: 'abcd' } },
      { index: 2, relevance_score: 0.75, document: { text: 'bcd' } },
    ]);
  });

  it('is answered with all documents when top_n is higher', async () => {
    expect((await ask({ top_n: 9 })).results).toHaveLength(documents.length);
  });

  it.each([
    [
      { type: 'embed', dimensions: 4, matryoshka: false } as const,
      /an embedding model, use \/v1\/embeddings/,
    ],
    [{ type: 'none', reason: 'it only generates' } as const, /cannot rank documents: it only generates/],
  ])('is rejected when the model cannot rank: %j', async (ability, message) => {
    await expect(ask({}, new FakeEmbedder(ability))).rejects.toMatchObject({
      status: 400,
      code: 'invalid_value',
      param: 'model',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['query', { query: 'x'.repeat(100_000) }],
    ['documents.1', { documents: ['short', 'x'.repeat(100_000)] }],
  ])('is rejected before tokenization when %s has too many characters', async (param, body) => {
    await expect(ask(body)).rejects.toMatchObject({ code: 'context_length_exceeded', param });
  });

  it('is rejected with 504 when the deadline passes', async () => {
    const embedder = new FakeEmbedder({ type: 'rank' });
    embedder.isEndless = true;
    const service = { embedder, model: 'tiny' };

    await expect(
      rerank({ query: 'abcd', documents }, service, { ...context, endBy: performance.now() }),
    ).rejects.toMatchObject({ status: 504, code: 'deadline_exceeded' });
  });

  it('is rejected with both token counts when a document does not fit', async () => {
    const embedder = new FakeEmbedder({ type: 'rank' });
    embedder.misfit = { index: 2, misfit: { type: 'too-long', tokens: 70, contextSize: 64 } };

    await expect(ask({}, embedder)).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'documents.2',
      message: expect.stringMatching(/'documents\.2' needs 70 tokens .* 64, the server's CONTEXT_SIZE\./),
    });
  });
});
