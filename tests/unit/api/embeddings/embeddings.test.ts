import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { embed } from '../../../../src/api/embeddings/embeddings.ts';
import { type EmbeddingAbility, type Misfit, toEmbeddingAbility } from '../../../../src/engine/embedder.ts';
import { EngineBusyError } from '../../../../src/engine/engine.ts';
import { FakeEmbedder } from '../fake-embedder.ts';

const ability = { type: 'embed', dimensions: 4, matryoshka: false } as const;
const { signal } = new AbortController();

function ask(body: unknown, embedder: FakeEmbedder | undefined = new FakeEmbedder(ability)) {
  return embed(body, { embedder, model: 'tiny' }, { signal });
}

describe('an embeddings request', () => {
  it('is answered in the order of its inputs, with their number of tokens', async () => {
    const answer = await ask({ input: ['four', 'eleven more'], model: 'tiny', user: 'somebody' });

    expect(answer).toMatchObject({
      object: 'list',
      model: 'tiny',
      data: [
        { object: 'embedding', index: 0 },
        { object: 'embedding', index: 1 },
      ],
      usage: { prompt_tokens: 15, total_tokens: 15 },
    });
    const length = Math.hypot(11, 3, 4, 12);
    expect(answer.data[1]?.embedding).toEqual(
      [11, 3, 4, 12].map((value) => expect.closeTo(value / length, 7)),
    );
  });

  it.each([
    ['a text', 'text', ['text']],
    ['texts', ['one', 'two'], ['one', 'two']],
    ['tokens', [1, 2, 3], [[1, 2, 3]]],
    ['lists of tokens', [[1], [2, 3]], [[1], [2, 3]]],
  ])('may have %s as its input', async (_, input, inputs) => {
    const embedder = new FakeEmbedder(ability);
    await ask({ input }, embedder);

    expect(embedder.calls).toEqual([inputs]);
  });

  it('is answered with little-endian 32-bit floats for base64', async () => {
    const [floats, base64] = await Promise.all([
      ask({ input: 'text' }),
      ask({ input: 'text', encoding_format: 'base64' }),
    ]);
    const bytes = Buffer.from(base64.data[0]?.embedding as string, 'base64');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const decoded = [0, 4, 8, 12].map((offset) => Number(view.getFloat32(offset, true).toPrecision(9)));

    expect(bytes).toHaveLength(16);
    expect(decoded).toEqual(floats.data[0]?.embedding);
  });
});

describe("OpenAI's client", () => {
  const client = new OpenAI({
    apiKey: 'none',
    maxRetries: 0,
    fetch: async (_, init) => Response.json(await ask(JSON.parse(String(init?.body)))),
  });

  // By default the client requests base64 and decodes it.
  it.each([{}, { encoding_format: 'float' as const }])(
    'reads the vectors with the options %o',
    async (options) => {
      const answer = await client.embeddings.create({ model: 'tiny', input: ['text'], ...options });
      const length = Math.hypot(4, 3, 4, 12);

      expect(answer.data[0]?.embedding).toEqual(
        [4, 3, 4, 12].map((value) => expect.closeTo(value / length, 7)),
      );
      expect(answer.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
    },
  );
});

describe("the field 'dimensions'", () => {
  const matryoshka = new FakeEmbedder({ ...ability, matryoshka: true });

  it('shortens the vectors of a Matryoshka model to unit length', async () => {
    const { data } = await ask({ input: 'text', dimensions: 3 }, matryoshka);

    expect(data[0]?.embedding).toEqual(
      [4, 3, 4].map((value) => expect.closeTo(value / Math.hypot(4, 3, 4), 6)),
    );
  });

  it("may be the model's own number of dimensions", async () => {
    const [explicit, byDefault] = await Promise.all([
      ask({ input: 'text', dimensions: 4 }),
      ask({ input: 'text' }),
    ]);

    expect(explicit).toEqual(byDefault);
  });

  it('is rejected when it is lower and the model is no Matryoshka model', async () => {
    await expect(ask({ input: 'text', dimensions: 3 })).rejects.toMatchObject({
      code: 'unsupported_parameter',
      param: 'dimensions',
      message: expect.stringMatching(/must be 4.*general\.tags/),
    });
  });

  it("is rejected when it exceeds the model's dimensions", async () => {
    await expect(ask({ input: 'text', dimensions: 5 }, matryoshka)).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'dimensions',
      message: expect.stringContaining('at most 4'),
    });
  });
});

describe('an embeddings request is rejected', () => {
  it.each<[string, EmbeddingAbility, RegExp]>([
    [
      'generates text',
      toAbility({ poolingType: undefined }),
      /^The model 'tiny' cannot make embeddings: its GGUF does not/,
    ],
    ['pools nothing', toAbility({ poolingType: 0 }), /'llama\.pooling_type' 0 \(none\)/],
    ['ranks', { type: 'rank' }, /a reranking model, use \/v1\/rerank/],
  ])('for a model that %s', async (_, other, message) => {
    await expect(ask({ input: 'text' }, new FakeEmbedder(other))).rejects.toMatchObject({
      status: 400,
      code: 'invalid_value',
      param: 'model',
      message: expect.stringMatching(message),
    });
  });

  it('when the service has no embedder', async () => {
    await expect(embed({ input: 'text' }, { model: 'tiny' }, { signal })).rejects.toMatchObject({
      param: 'model',
      message: expect.stringContaining('loaded only to generate text'),
    });
  });

  it.each<[string, unknown, Misfit, { code: string; param: string; message: RegExp }]>([
    [
      'that is too long',
      ['a', 'b'],
      { type: 'too-long', tokens: 600, contextSize: 512 },
      {
        code: 'context_length_exceeded',
        param: 'input.1',
        message: /'input\.1' needs 600 tokens .* 512, the server's CONTEXT_SIZE\./,
      },
    ],
    [
      'with a token of another model',
      [1, 99],
      { type: 'unknown-token', token: 99, vocabularySize: 51 },
      { code: 'invalid_value', param: 'input', message: /token 99, .* lower than 51/ },
    ],
    [
      'without tokens',
      '\u0000',
      { type: 'no-tokens' },
      { code: 'invalid_value', param: 'input', message: /no tokens/ },
    ],
  ])('for an input %s', async (_, input, misfit, { message, ...error }) => {
    const embedder = new FakeEmbedder(ability);
    embedder.misfit = { index: Array.isArray(input) && typeof input[0] === 'string' ? 1 : 0, misfit };

    await expect(ask({ input }, embedder)).rejects.toMatchObject({
      status: 400,
      message: expect.stringMatching(message),
      ...error,
    });
  });

  it('before tokenization when an input has too many characters', async () => {
    const embedder = new FakeEmbedder(ability);

    await expect(ask({ input: ['short', 'x'.repeat(100_000)] }, embedder)).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'input.1',
      message: expect.stringContaining("100000 characters of 'input.1'"),
    });
    expect(embedder.calls).toEqual([]);
  });

  it('with 504 when the deadline passes, and with the reason of the abort when the client disconnects', async () => {
    const embedder = new FakeEmbedder(ability);
    embedder.isEndless = true;
    const service = { embedder, model: 'tiny' };
    const reason = new Error('disconnected');

    await expect(
      embed({ input: 'text' }, service, { signal, endBy: performance.now() }),
    ).rejects.toMatchObject({ status: 504, code: 'deadline_exceeded' });
    await expect(
      embed({ input: 'text' }, service, {
        signal: AbortSignal.abort(reason),
        endBy: performance.now() + 60_000,
      }),
    ).rejects.toBe(reason);
  });

  it('with 429 and retry-after when the queue is full', async () => {
    const embedder = new FakeEmbedder(ability);
    embedder.failure = new EngineBusyError(64);

    await expect(ask({ input: 'text' }, embedder)).rejects.toMatchObject({
      status: 429,
      headers: { 'retry-after': '1' },
    });
  });
});

describe('toEmbeddingAbility', () => {
  it.each<[string, number, EmbeddingAbility['type']]>([
    ['mean', 1, 'embed'],
    ['cls', 2, 'embed'],
    ['last', 3, 'embed'],
    ['rank', 4, 'rank'],
  ])('reads the ability from the pooling type %s', (_, poolingType, type) => {
    expect(toAbility({ poolingType }).type).toBe(type);
  });

  it('returns none for a reranking model without a classifier', () => {
    expect(toAbility({ poolingType: 4, hasClassifier: false })).toMatchObject({
      type: 'none',
      reason: expect.stringContaining('no classifier'),
    });
  });

  it.each([
    ['loss:MatryoshkaLoss', true],
    ['Matryoshka', true],
    ['sentence-similarity', false],
  ])('recognises a Matryoshka model by the tag %s: %s', (tag, matryoshka) => {
    expect(toAbility({ poolingType: 1, tags: ['mteb', tag] })).toEqual({
      type: 'embed',
      dimensions: 8,
      matryoshka,
    });
  });
});

function toAbility(facts: { poolingType: number | undefined; hasClassifier?: boolean; tags?: string[] }) {
  return toEmbeddingAbility({
    architecture: 'llama',
    dimensions: 8,
    hasClassifier: true,
    tags: [],
    ...facts,
  });
}
