// The real model through the real engine.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, EngineError } from '../../src/engine/engine.ts';
import { loadLlamaEngine } from '../../src/engine/llama/llama-engine.ts';
import { modelPath } from './default-model.ts';
import { contextSize, type Generated, generateOn, greedy, loadEngine } from './generation.ts';

let engine: Engine;

beforeAll(async () => {
  engine = await loadEngine();
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

function generate(
  prompt: string,
  options: Parameters<typeof generateOn>[2] = {},
  { signal, on = engine }: { signal?: AbortSignal; on?: Engine } = {},
): Promise<Generated> {
  return generateOn(on, prompt, options, signal);
}

describe('a generation', () => {
  it('answers a question the model knows', async () => {
    const { text, finishReason, completionTokens } = await generate('The capital of France is', {
      maxTokens: 4,
    });

    expect(text).toMatch(/^ Paris/);
    expect({ finishReason, completionTokens }).toEqual({ finishReason: 'length', completionTokens: 4 });
  });

  it('ends where the model ends, without the text of its end token', async () => {
    const prompt = '<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n';
    const { text, finishReason, completionTokens } = await generate(prompt, { maxTokens: 200 });

    expect(finishReason).toBe('stop');
    expect(completionTokens).toBeLessThan(200);
    expect(text).not.toContain('<|im_end|>');
  });

  it('ends before a stop string, though it spans tokens', async () => {
    const whole = (await generate('The capital of France is', { maxTokens: 20 })).text;
    const stop = whole.slice(12, 17);
    const { text, finishReason } = await generate('The capital of France is', {
      maxTokens: 20,
      stop: [stop],
    });

    expect(text).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(finishReason).toBe('stop');
  });

  it('gives the same text for the same seed, and others for others', async () => {
    const sample = async (seed: number) =>
      (await generate('Once upon a time', { sampling: { ...greedy, temperature: 1, seed } })).text;
    const texts = [await sample(1), await sample(1), await sample(2), await sample(3)];

    expect(texts[1]).toBe(texts[0]);
    expect(new Set(texts).size).toBe(3);
  });

  it('is greedy when only one token may be chosen', async () => {
    const { text } = await generate('The capital of France is');
    const one = (sampling: object) =>
      generate('The capital of France is', { sampling: { ...greedy, temperature: 1, ...sampling } });

    expect((await one({ topK: 1 })).text).toBe(text);
    expect((await one({ topP: 0 })).text).toBe(text);
    expect((await one({ minP: 1 })).text).toBe(text);
  });

  it('may choose any token when no top-k is asked for', async () => {
    const text = async (topK: number, seed: number) =>
      (await generate('Once upon a time', { sampling: { ...greedy, temperature: 2, topK, seed } })).text;
    const seeds = [1, 2, 3];
    const all = await Promise.all(seeds.map((seed) => text(0, seed)));
    const forty = await Promise.all(seeds.map((seed) => text(40, seed)));

    expect(all.every((given, index) => given !== forty[index])).toBe(true);
  });

  it('never splits a character between two pieces', async () => {
    const { pieces, text } = await generate('😀 😃 😄 😁 😆 😅 😂 🤣 😊 😇 🙂 🙃 😉 😌', { maxTokens: 64 });

    expect(text).toMatch(/\p{Emoji_Presentation}/u);
    for (const piece of pieces) expect(piece).not.toContain('\uFFFD');
  });

  it('refuses what does not fit the context, instead of forgetting its beginning', async () => {
    const prompt = 'word '.repeat(500);

    await expect(generate(prompt, { maxTokens: contextSize })).rejects.toThrow(
      /do not fit a context of 1024/,
    );
  });

  it('fills the context to its last token', async () => {
    const text = 'word '.repeat(contextSize - 24);
    const maxTokens = contextSize - engine.tokenize(text).length;
    const { completionTokens, finishReason } = await generate(text, { maxTokens });

    expect(maxTokens).toBeGreaterThan(20);
    expect(finishReason === 'stop' || completionTokens === maxTokens).toBe(true);
  });
});

describe('the KV cache', () => {
  const opening = 'The quick brown fox jumps over the lazy dog. A man, a plan, a canal: Panama. '.repeat(5);

  /** Generates on an engine that has seen nothing before. */
  async function generateCold(prompt: string, sampling = greedy): Promise<Generated> {
    const fresh = await loadEngine();
    const generated = await generate(prompt, { sampling }, { on: fresh });
    await fresh[Symbol.asyncDispose]();
    return generated;
  }

  it.each([
    ['greedily', greedy],
    ['at temperature 1', { ...greedy, temperature: 1, seed: 7 }],
  ])(
    'serves a prompt that begins as the last one did, and the text is that of a cold start: %s',
    async (_, sampling) => {
      const first = await generate(`${opening}The capital of France is`, { sampling });
      const prompts = [
        `${opening}The capital of France is`,
        `${opening}The capital of France is${first.text} And the capital of Italy is`,
        `${opening}The largest planet is`,
        `${opening.slice(0, 300)}Water is made of`,
      ];
      for (const prompt of prompts) {
        const warm = await generate(prompt, { sampling });
        const cold = await generateCold(prompt, sampling);

        expect(warm.text).toBe(cold.text);
        expect(cold.cachedTokens).toBe(0);
        expect(warm.cachedTokens).toBeGreaterThanOrEqual(32);
        expect(warm.cachedTokens + warm.promptTokens).toBe(cold.promptTokens);
      }
    },
  );

  it.each([
    ['greedily', greedy],
    ['at temperature 1', { ...greedy, temperature: 1, seed: 3 }],
  ])('evaluates nothing of the prompt that it evaluated last: %s', async (_, sampling) => {
    const prompt = `${opening}The largest ocean is`;
    const { length } = engine.tokenize(prompt);
    await generate(prompt, { sampling: { ...sampling, seed: 9 }, maxTokens: 1 });
    const repeated = await generate(prompt, { sampling, logprobs: 2 });
    const cold = await generateCold(prompt, sampling);

    expect(repeated).toMatchObject({ text: cold.text, cachedTokens: length, promptTokens: 0 });
    expect(repeated.tokens[0]?.score?.top).toHaveLength(2);
    // Its answer was evaluated behind it since.
    expect((await generate(prompt, { sampling })).cachedTokens).toBeLessThan(length);
  });

  it('gives the same numbers to short and long prompts in any order', async () => {
    const tokens = engine.tokenize(opening);
    const cached: number[] = [];
    for (const length of [50, 100, 60, 63, 40, 64, 70]) {
      const prompt = [...tokens.slice(0, length - 1), 1000 + length];
      const warm = await generateOn(engine, prompt, { logprobs: 2 });
      const cold = await generateOn(engine, prompt, { logprobs: 2, cachePrompt: false });
      // What the next one may reuse.
      await generateOn(engine, prompt, { maxTokens: 1 });

      expect(warm.tokens).toEqual(cold.tokens);
      cached.push(warm.cachedTokens);
    }
    expect(cached.slice(1)).toEqual([0, 0, 32, 32, 0, 0]);
  });

  it('keeps whole chunks of a prompt only', async () => {
    const length = engine.tokenize(opening).length;
    await generate(opening);

    expect(await generate(opening)).toMatchObject({ cachedTokens: length - (length % 64) });
  });
});

describe('an aborted generation', () => {
  const reason = new Error('the caller left');
  const longPrompt = 'word '.repeat(900);

  it('ends within one chunk of the prompt, and the engine answers the next as if it had not been', async () => {
    const expected = (await generate('The capital of France is')).text;
    const abort = new AbortController();
    const generation = generate(longPrompt, {}, { signal: abort.signal });
    setImmediate(() => abort.abort(reason));

    await expect(generation).rejects.toBe(reason);
    expect((await generate('The capital of France is')).text).toBe(expected);
    const { cachedTokens } = await generate(longPrompt, { maxTokens: 1 });
    expect(cachedTokens).toBeLessThan(128);
  });

  it('ends within one token of the answer', async () => {
    const abort = new AbortController();
    const generation = engine.generate(
      { prompt: engine.tokenize('Once upon a time'), maxTokens: 400, sampling: greedy, stop: [] },
      abort.signal,
    );
    await generation.next();
    abort.abort(reason);

    await expect(generation.next()).rejects.toBe(reason);
    expect((await generate('The capital of France is', { maxTokens: 4 })).text).toMatch(/^ Paris/);
  });

  it('never starts when it was aborted before', async () => {
    await expect(generate('Hello', {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('may simply be left, and the next begins', async () => {
    for await (const event of engine.generate({
      prompt: engine.tokenize('Once upon a time'),
      maxTokens: 400,
      sampling: greedy,
      stop: [],
    })) {
      expect(event.type).toBe('text');
      break;
    }

    expect((await generate('The capital of France is', { maxTokens: 4 })).text).toMatch(/^ Paris/);
  });
});

describe('an engine', () => {
  it.each([
    ['<|im_start|>', '<:|im_start|>'],
    ['[<|im_end|>]', '[<:|im_end|>]'],
    ['<|im_end|><|im_end|>', '<:|im_end|><:|im_end|>'],
    ['<|im_end', '<|im_end'],
    ['<b>', '<b>'],
    ['', ''],
  ])('finds the texts of its control tokens: %j', (text, broken) => {
    expect(text.replace(engine.controlMarks, ':')).toBe(broken);
  });

  it.each([
    ['short', 1],
    ['long', 100],
  ])('tokenizes a %s text in pieces around a mark', async (_, times) => {
    const pieces = ['<|im_end|>', '<', '|im_end|> ', 'é'.repeat(times)];
    const tokens = await engine.tokenizeAside(Array(times).fill(pieces.join(':')).join(':'), {
      special: true,
      breakMark: ':',
    });

    const expected = pieces.flatMap((piece) => engine.tokenizeText(piece, { special: true }));
    expect(tokens).toEqual(Array(times).fill(expected).flat());
  });

  it('takes generations that are asked for at once one after the other, in order', async () => {
    const prompts = ['The capital of France is', 'The capital of Italy is', 'The capital of Spain is'];
    const alone = [];
    for (const prompt of prompts) alone.push((await generate(prompt)).text);
    const together = await Promise.all(prompts.map((prompt) => generate(prompt)));

    expect(together.map(({ text }) => text)).toEqual(alone);
  });

  it('lets the generation that runs end before it goes, and takes no more', async () => {
    const own = await loadEngine();
    const running = generate('Once upon a time', {}, { on: own });
    const tokens = own.tokenize('Hello');
    await own[Symbol.asyncDispose]();

    expect((await running).completionTokens).toBe(24);
    const late = own.generate({ prompt: tokens, maxTokens: 1, sampling: greedy, stop: [] });
    await expect(late.next()).rejects.toThrow('shut down');
  });

  const versioned = (...numbers: number[]) =>
    Buffer.concat([Buffer.from('GGUF'), Buffer.from(Uint32Array.from(numbers).buffer)]);
  it.each([
    ['that is missing', undefined, 'cannot be read'],
    ['that is no GGUF', Buffer.from('not a model'), 'is not a GGUF file'],
    ['of another version', versioned(7, 1, 0, 1, 0), 'is a GGUF of version 7'],
    ['with an impossible header', versioned(3, 1, 0, 0, 9), 'is damaged'],
    [
      'that is all noise',
      Buffer.concat([versioned(3, 9, 0, 9, 0), Buffer.alloc(4_000, 7)]),
      'cannot be loaded',
    ],
    ['that ends too early', readFileSync(modelPath).subarray(0, 3_000_000), 'cannot be loaded'],
  ])('says so when it is given a file %s', async (_, bytes, message) => {
    const folder = mkdtempSync(join(tmpdir(), 'gguf-lambda-'));
    const path = join(folder, 'model.gguf');
    if (bytes !== undefined) writeFileSync(path, bytes);

    const failure = loadLlamaEngine({ modelPath: path, contextSize, threads: 2, slots: 1, queueLimit: 64 });

    await expect(failure).rejects.toThrow(`${path} ${message}`);
    await expect(failure).rejects.toBeInstanceOf(EngineError);
    rmSync(folder, { recursive: true });
  });
});
