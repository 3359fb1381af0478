import { describe, expect, it } from 'vitest';
import { rerank } from '../../../../src/api/rerank/rerank.ts';
import { FakeEmbedder } from '../fake-embedder.ts';

const invocation = { id: 'r1', signal: new AbortController().signal };
const documents = ['xyz', 'abcd', { text: 'bcd' }, 'dcb'];

function ask(body: object, embedder = new FakeEmbedder({ type: 'rank' })) {
  return rerank({ query: 'abcd', documents, ...body }, { embedder, model: 'tiny' }, invocation);
}

describe('a rerank request', () => {
  it('is answered with the most relevant first, equal ones in their order', async () => {
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

  it('gives as many as were asked for, with their texts', async () => {
    const { results } = await ask({ top_n: 2, return_documents: true });

    expect(results).toEqual([
      { index: 1, relevance_score: 1, document: { text: 'abcd' } },
      { index: 2, relevance_score: 0.75, document: { text: 'bcd' } },
    ]);
  });

  it('gives all when more were asked for than there are', async () => {
    expect((await ask({ top_n: 9 })).results).toHaveLength(documents.length);
  });

  it.each([
    [
      { type: 'embed', dimensions: 4, matryoshka: false } as const,
      /made for embeddings, POST \/v1\/embeddings/,
    ],
    [{ type: 'none', reason: 'it only generates' } as const, /cannot rank documents: it only generates/],
  ])('is refused for a model that cannot rank', async (ability, message) => {
    await expect(ask({}, new FakeEmbedder(ability))).rejects.toMatchObject({
      status: 400,
      code: 'invalid_value',
      param: 'model',
      message: expect.stringMatching(message),
    });
  });

  it('is refused for another model than the one that is loaded', async () => {
    await expect(ask({ model: 'other' })).rejects.toMatchObject({ code: 'model_not_found' });
  });

  it.each([
    ['query', { query: 'x'.repeat(100_000) }],
    ['documents.1', { documents: ['short', 'x'.repeat(100_000)] }],
  ])('is refused for %s when it has more characters than could ever fit', async (param, body) => {
    await expect(ask(body)).rejects.toMatchObject({ code: 'context_length_exceeded', param });
  });

  it('is refused when its time is up', async () => {
    const embedder = new FakeEmbedder({ type: 'rank' });
    embedder.isEndless = true;
    const service = { embedder, model: 'tiny' };

    await expect(
      rerank({ query: 'abcd', documents }, service, { ...invocation, endBy: performance.now() }),
    ).rejects.toMatchObject({ status: 504, code: 'deadline_exceeded' });
  });

  it('is refused for a document that does not fit, with both counts', async () => {
    const embedder = new FakeEmbedder({ type: 'rank' });
    embedder.misfit = { index: 2, misfit: { type: 'too-long', tokens: 70, contextSize: 64 } };

    await expect(ask({}, embedder)).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'documents.2',
      message: expect.stringMatching(/64 tokens, but 'documents\.2' takes 70/),
    });
  });
});
