import { describe, expect, it } from 'vitest';
import { FakeEmbedder } from '../fake-embedder.ts';
import { ask } from './ask.ts';

const embedder = () => new FakeEmbedder({ type: 'embed', dimensions: 4, matryoshka: true });
const vector = (first: number) =>
  [first, 3, 4, 12].map((value) => expect.closeTo(value / Math.hypot(first, 13), 6));

describe('POST /api/embed', () => {
  it('answers with a vector for each text', async () => {
    const { status, headers, json } = await ask(
      '/api/embed',
      { model: 'any', input: ['a', 'bc'], truncate: true, keep_alive: '5m' },
      { embedder: embedder() },
    );

    expect([status, headers['x-ignored-fields']]).toEqual([200, 'truncate']);
    expect(json()).toEqual({
      model: 'fake-1b:latest',
      embeddings: [vector(1), vector(2)],
      total_duration: expect.any(Number),
      load_duration: 0,
      prompt_eval_count: 3,
    });
    expect(json().total_duration).toBeGreaterThan(0);
  });

  it('answers one text with one vector, of fewer dimensions on demand', async () => {
    const { json } = await ask('/api/embed', { input: 'a', dimensions: 1 }, { embedder: embedder() });

    expect(json().embeddings).toEqual([[1]]);
  });

  it.each([{}, { input: '' }, { input: [] }])('loads the model for %j', async (body) => {
    const fake = embedder();
    const { json } = await ask('/api/embed', body, { embedder: fake });

    expect(json()).toEqual({ model: 'fake-1b:latest', embeddings: [] });
    expect(fake.calls).toEqual([]);
  });

  it.each([
    [{ input: 7 }, /^'input' must be a string or a list, not 7\.$/],
    [{ input: Array(2049).fill('a') }, /^'input' must be a list of at most 2048/],
    [{ input: 'a', dimensions: 9 }, /^'dimensions' must be at most 4/],
    [{ input: ['a'.repeat(9999)] }, /'input\.0' do not fit the context/],
  ])('refuses %j', async (body, message) => {
    const { status, json } = await ask('/api/embed', body, { embedder: embedder() });

    expect([status, json()]).toEqual([400, { error: expect.stringMatching(message) }]);
  });

  it('is refused with the reason by a model that generates text', async () => {
    const { status, json } = await ask('/api/embed', { input: 'a' });

    expect([status, json()]).toEqual([400, { error: expect.stringContaining('cannot make embeddings') }]);
  });
});

describe('POST /api/embeddings', () => {
  it('answers with the vector of its prompt', async () => {
    const { json } = await ask('/api/embeddings', { model: 'any', prompt: 'a' }, { embedder: embedder() });
    const loaded = await ask('/api/embeddings', { model: 'any' }, { embedder: embedder() });

    expect(json()).toEqual({ embedding: vector(1) });
    expect(loaded.json()).toEqual({ embedding: [] });
  });

  it("names the client's field in an error", async () => {
    const body = { prompt: 'a'.repeat(9999) };
    const { json } = await ask('/api/embeddings', body, { embedder: embedder() });

    expect(json().error).toContain("'prompt' do not fit the context");
  });
});
