// Embeddings and ranking by llama.cpp: of a real model against what its makers publish, and of tiny random ones, which
// have every kind of pooling and of vocabulary, against plain arithmetic.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Embedder, UnfitInputError } from '../../src/engine/embedder.ts';
import { EngineBusyError } from '../../src/engine/engine.ts';
import { modelPath as smollm2 } from './default-model.ts';
import { type Bert, pooling, writeBert } from './fixtures/bert.ts';
import { embedByHand, rankByHand } from './fixtures/bert-reference.ts';
import { type LoadOptions, loadEmbedder, unloadModels } from './fixtures/load-embedder.ts';
import { minilmDirectory } from './fixtures/minilm.ts';
import { tinyBert, tinyRoberta } from './fixtures/tiny-bert.ts';

/** llama.cpp's number for it, which no BERT has. */
const lastPooling = 3;

const folder = mkdtempSync(join(tmpdir(), 'gguf-lambda-'));

afterAll(async () => {
  await unloadModels();
  rmSync(folder, { recursive: true });
});

function loadTiny(bert: Bert, options?: LoadOptions): Promise<Embedder> {
  const path = join(folder, `${crypto.randomUUID()}.gguf`);
  writeBert(bert, path);
  return loadEmbedder(path, options);
}

/** The numbers of tokens, each of which is a word. */
function toTokens({ vocabulary }: Bert, words: string): number[] {
  return words.split(' ').map((word) => vocabulary.indexOf(word));
}

function cosine(left: ArrayLike<number>, right: ArrayLike<number>): number {
  return Array.from(left).reduce((sum, value, index) => sum + value * (right[index] ?? Number.NaN), 0);
}

describe('embeddings of all-MiniLM-L6-v2', () => {
  let embedder: Embedder;
  const sentences = ['The weather is lovely today.', "It's so sunny outside!", 'He drove to the stadium.'];

  beforeAll(async () => {
    embedder = await loadEmbedder(join(await minilmDirectory(), 'model.gguf'));
  });

  it('are as similar to each other as those of Sentence Transformers', async () => {
    const { vectors, tokens } = await embedder.embed(sentences);
    const similarities = vectors.map((left) => vectors.map((right) => cosine(left, right)));

    // https://sbert.net/docs/quickstart.html
    const published = [
      [1, 0.666, 0.1046],
      [0.666, 1, 0.1411],
      [0.1046, 0.1411, 1],
    ];
    expect(similarities).toEqual(published.map((row) => row.map((value) => expect.closeTo(value, 3))));
    expect(tokens).toBe(8 + 9 + 8);
    expect(embedder.ability).toEqual({ type: 'embed', dimensions: 384, matryoshka: false });
  });

  it('find what answers a question', async () => {
    const passages = [
      'Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.',
      'The Eiffel Tower in Paris was finished in 1889.',
      'A database index makes queries faster and writes slower.',
    ];
    const questions = [
      'Why is my SQL lookup slow?',
      'How do plants make food?',
      'How old is that monument in France?',
    ];
    const { vectors } = await embedder.embed([...questions, ...passages]);
    const nearest = questions.map((_, question) => {
      const similarities = passages.map((_, passage) =>
        cosine(vectors[question] ?? [], vectors[questions.length + passage] ?? []),
      );
      return similarities.indexOf(Math.max(...similarities));
    });

    expect(nearest).toEqual([2, 0, 1]);
  });

  it('take a text that fills the context, and none that is longer', async () => {
    const text = (words: number) => Array(words).fill('hello').join(' ');

    expect(await embedder.embed([text(510)])).toMatchObject({ tokens: 512 });
    await expect(embedder.embed(['short', text(511)])).rejects.toMatchObject({
      index: 1,
      misfit: { type: 'too-long', tokens: 513, contextSize: 512 },
    });
  });
});

describe('an embedding', () => {
  const bert = tinyBert({ pooling: pooling.mean });
  const [cls, sep] = toTokens(bert, '[CLS] [SEP]') as [number, number];
  let embedder: Embedder;

  beforeAll(async () => {
    embedder = await loadTiny(bert);
  });

  it.each(['the cat eats bread .', 'paris is the capital of france', Array(62).fill('dog').join(' ')])(
    'is what plain arithmetic gives: %s',
    async (text) => {
      const { vectors } = await embedder.embed([text]);
      const expected = embedByHand(bert, [cls, ...toTokens(bert, text), sep]);

      expect(cosine(vectors[0] ?? [], expected)).toBeCloseTo(1, 4);
      expect(Math.hypot(...(vectors[0] ?? []))).toBeCloseTo(1, 6);
    },
  );

  it('of tokens is that of their text, with or without special tokens', async () => {
    const text = 'the old river';
    const tokens = toTokens(bert, text);
    const { vectors } = await embedder.embed([text, tokens, [cls, ...tokens, sep]]);

    expect(vectors[1]).toEqual(vectors[0]);
    expect(vectors[2]).toEqual(vectors[0]);
  });

  it('takes special tokens that are written in a text for text', async () => {
    const { vectors, tokens } = await embedder.embed(['cat [SEP] dog']);
    const expected = embedByHand(bert, [cls, ...toTokens(bert, 'cat [UNK] [UNK] [UNK] dog'), sep]);

    expect(tokens).toBe(7);
    expect(cosine(vectors[0] ?? [], expected)).toBeCloseTo(1, 4);
  });

  it('does not depend on what was embedded before, nor on calls at the same time', async () => {
    const texts = ['the sun', 'a big cat sleeps in the snow', 'wine', 'where is the sea ?'];
    const alone = [];
    for (const text of texts) alone.push((await embedder.embed([text])).vectors[0]);
    const together = await Promise.all(texts.map((text) => embedder.embed([text])));

    expect(together.map(({ vectors }) => vectors[0])).toEqual(alone);
    expect((await embedder.embed(texts)).vectors).toEqual(alone);
  });

  it.each<[string, number[], object]>([
    ['longer than the context', Array(63).fill(7), { type: 'too-long', tokens: 65, contextSize: 64 }],
    ['with a token that is none', [7, 51], { type: 'unknown-token', token: 51, vocabularySize: 51 }],
  ])('is refused for an input %s, before any is made', async (_, input, misfit) => {
    const failure = embedder.embed(['the cat', input]);

    await expect(failure).rejects.toBeInstanceOf(UnfitInputError);
    await expect(failure).rejects.toMatchObject({ index: 1, misfit });
  });

  it('is cut to the context that was asked for', async () => {
    const short = await loadTiny(bert, { contextSize: 8 });

    expect(await short.embed(['cat dog cat dog cat dog'])).toMatchObject({ tokens: 8 });
    await expect(short.embed(['cat dog cat dog cat dog cat'])).rejects.toMatchObject({
      misfit: { tokens: 9, contextSize: 8 },
    });
  });

  it("begins with XLM-RoBERTa's first token", async () => {
    const roberta = tinyRoberta({ pooling: pooling.cls });
    const { vectors } = await (await loadTiny(roberta)).embed(['paris is old']);

    const expected = embedByHand(roberta, toTokens(roberta, '<s> paris is old </s>'));
    expect(cosine(vectors[0] ?? [], expected)).toBeCloseTo(1, 4);
  });

  it('of a model with a KV cache does not depend on what was embedded before', async () => {
    const embedder = await loadEmbedder(smollm2, {
      contextSize: 64,
      poolingType: lastPooling,
    });
    const alone = await embedder.embed(['The cat sleeps.']);
    const after = await embedder.embed(['Paris is the capital of France.', 'The cat sleeps.']);
    const [other, same] = after.vectors.map((vector) => cosine(vector, alone.vectors[0] ?? []));

    expect(same).toBeCloseTo(1, 4);
    expect(other).toBeLessThan(0.9);
  });
});

describe('a ranking', () => {
  const bert = tinyBert({ pooling: pooling.rank });
  const query = 'what is the capital of france ?';
  const documents = [
    'paris',
    'rome is in italy .',
    'the cat eats cheese',
    'paris is the capital of france',
    'snow',
  ];
  const expected = documents.map((document) =>
    rankByHand(bert, toTokens(bert, `[CLS] ${query} [SEP] ${document} [SEP]`)),
  );

  it.each([
    ['without word of separators', {}],
    // What llama.cpp's converter makes of a BERT's tokenizer today.
    [
      'whose separator is the end of a text too',
      {
        'tokenizer.ggml.eos_token_id': 3,
        'tokenizer.ggml.add_bos_token': true,
        'tokenizer.ggml.add_eos_token': true,
        'tokenizer.ggml.add_sep_token': false,
      },
    ],
  ])('by a GGUF %s is what plain arithmetic gives', async (_, metadata) => {
    const embedder = await loadTiny({ ...bert, metadata });
    const { scores, tokens } = await embedder.rank(query, documents);

    expect(embedder.ability).toEqual({ type: 'rank' });
    expect(scores).toEqual(expected.map((score) => expect.closeTo(score, 2)));
    expect(tokens).toBe(documents.reduce((sum, text) => sum + 7 + 3 + text.split(' ').length, 0));
    expect(new Set(expected.map((score) => score.toFixed(2))).size).toBe(documents.length);
  });

  it("has two separators where the vocabulary is XLM-RoBERTa's", async () => {
    const roberta = tinyRoberta({ pooling: pooling.rank });
    const { scores } = await (await loadTiny(roberta)).rank('what is old', ['rome', 'the river sleeps']);

    const byHand = (text: string) => rankByHand(roberta, toTokens(roberta, text));
    expect(scores).toEqual([
      expect.closeTo(byHand('<s> what is old </s> </s> rome </s>'), 2),
      expect.closeTo(byHand('<s> what is old </s> </s> the river sleeps </s>'), 2),
    ]);
  });

  it('is refused for a document that does not fit beside the query', async () => {
    const embedder = await loadTiny(bert);
    const long = (words: number) => Array(words).fill('dog').join(' ');

    expect(await embedder.rank(query, [long(54)])).toMatchObject({ tokens: 64 });
    await expect(embedder.rank(query, ['cat', long(55)])).rejects.toMatchObject({
      index: 1,
      misfit: { type: 'too-long', tokens: 65, contextSize: 64 },
    });
  });

  it('and embeddings exclude each other', async () => {
    const [ranks, embeds] = await Promise.all([
      loadTiny(bert),
      loadTiny(tinyBert({ pooling: pooling.mean })),
    ]);

    await expect(ranks.embed(['cat'])).rejects.toThrow('cannot embed');
    await expect(embeds.rank('cat', ['dog'])).rejects.toThrow('cannot rank');
  });
});

describe('a model cannot do either', () => {
  it('when it generates text', async () => {
    const { ability } = await loadEmbedder(smollm2);

    expect(ability).toMatchObject({ type: 'none', reason: expect.stringContaining("'llama.pooling_type'") });
  });

  it('when it ranks without a classifier', async () => {
    const bert = tinyBert({ pooling: pooling.rank });
    const tensors = new Map([...bert.tensors].filter(([name]) => !name.startsWith('cls')));
    const { ability } = await loadTiny({ ...bert, tensors });

    expect(ability).toMatchObject({ type: 'none', reason: expect.stringContaining('no classifier') });
  });
});

describe('a call', () => {
  const bert = tinyBert({ pooling: pooling.mean });
  const reason = new Error('The client has left.');

  it('ends between two inputs when it is aborted, and the next one begins', async () => {
    const embedder = await loadTiny(bert);
    const abort = new AbortController();
    const looks = vi.spyOn(abort.signal, 'throwIfAborted');
    onTestFinished(() => looks.mockRestore());
    looks.mockImplementation(() => {
      if (looks.mock.calls.length === 4) abort.abort(reason);
      if (abort.signal.aborted) throw abort.signal.reason;
    });

    await expect(embedder.embed(Array(50).fill('the cat'), { signal: abort.signal })).rejects.toBe(reason);
    expect(looks).toHaveBeenCalledTimes(4);
    expect((await embedder.embed(['the cat'])).vectors).toHaveLength(1);
  });

  it('leaves the queue when it is aborted while it waits', async () => {
    const embedder = await loadTiny(bert);
    const abort = new AbortController();
    const running = embedder.embed(['the cat']);
    const waiting = embedder.embed(['the dog'], { signal: abort.signal });
    abort.abort(reason);

    await expect(waiting).rejects.toBe(reason);
    expect((await running).vectors).toHaveLength(1);
  });

  it('is refused when too many wait', async () => {
    const embedder = await loadTiny(bert, { queueLimit: 1 });
    const calls = ['the cat', 'the dog', 'the bird'].map((text) => embedder.embed([text]));
    const outcomes = await Promise.allSettled(calls);

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[2]).toMatchObject({ reason: expect.any(EngineBusyError) });
  });

  it('ends before its embedder goes, and none begins after', async () => {
    const embedder = await loadTiny(bert);
    let ended = false;
    const running = embedder.embed(['the cat', 'the dog']).finally(() => {
      ended = true;
    });
    await embedder[Symbol.asyncDispose]();
    await setImmediate();

    expect(ended).toBe(true);
    expect((await running).vectors).toHaveLength(2);
    await expect(embedder.embed(['the bird'])).rejects.toThrow('shut down');
  });
});
