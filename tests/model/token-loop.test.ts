// The native token loop: alone, and as the engine uses it.
import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Engine, Grammar, Sampling } from '../../src/engine/engine.ts';
import { type AddonModel, type NativeSampler, openLlamaAddon } from '../../src/engine/llama/llama-addon.ts';
import { LlamaContext } from '../../src/engine/llama/llama-context.ts';
import { toSamplerConfig } from '../../src/engine/llama/sampler-config.ts';
import { type BareContext, createBareContext, vocabularySize } from './bare-context.ts';
import { generateOn, greedy, loadEngine } from './generation.ts';

const prompt = 'Once upon a time there was a fox who lived in a forest. One day';
const question = '<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the native loop', () => {
  const opened = openLlamaAddon();
  const { TokenLoop } = opened.inference;
  let bare: BareContext;
  let model: AddonModel;
  let sampler: NativeSampler;

  beforeAll(async () => {
    bare = await createBareContext(opened, 256);
    ({ model, sampler } = bare);
  });

  afterAll(async () => {
    await bare.dispose();
  });

  /** Evaluates a text on the empty sequence and chooses what follows. */
  async function begin(text: string): Promise<{ token: number; position: number }> {
    const tokens = model.tokenize(text, true);
    return { token: Number(await bare.begin(tokens)), position: tokens.length };
  }

  it('chooses what is chosen one by one', async () => {
    const { token, position } = await begin(prompt);
    const loop = new TokenLoop(bare.inference, sampler, 0, position, token);
    const tokens = await Promise.all(Array.from({ length: 32 }, () => loop.step()));
    const expected: number[] = [];
    let next = (await begin(prompt)).token;
    for (let index = 0; index < 32; index += 1) {
      const output = await bare.evaluate(Uint32Array.of(next), position + index);
      next = Number(await bare.inference.sample(output, sampler));
      expected.push(next);
    }

    expect(tokens).toEqual(expected);
  });

  it('takes no step behind the end of a text', async () => {
    const { token, position } = await begin(question);
    const loop = new TokenLoop(bare.inference, sampler, 0, position, token);
    const tokens = await Promise.all(Array.from({ length: 64 }, () => loop.step()));
    const end = tokens.findIndex((each) => model.isEogToken(Number(each)));

    expect(end).toBeGreaterThanOrEqual(0);
    expect(new Set(tokens.slice(end + 1))).toEqual(new Set([-1]));
  });

  it('takes no step that has not begun when it is stopped', async () => {
    const { token, position } = await begin(prompt);
    const loop = new TokenLoop(bare.inference, sampler, 0, position, token);
    const steps = [loop.step(), loop.step()];
    await steps[0];
    loop.stop();
    steps.push(loop.step(), loop.step());
    const tokens = await Promise.all(steps);

    // The second has begun by then.
    expect(tokens.slice(0, 1)).not.toContain(-1);
    expect(tokens.slice(2)).toEqual([-1, -1]);
  });

  it('keeps no sampler that is disposed of', async () => {
    const { token, position } = await begin(prompt);
    const request = { prompt: [], maxTokens: 8, sampling: greedy };
    const own = new opened.inference.Sampler(model, toSamplerConfig(request, vocabularySize));
    const loop = new TokenLoop(bare.inference, own, 0, position, token);
    const before = loop.step();
    own.dispose();

    expect(await before).toBeGreaterThanOrEqual(0);
    expect(() => loop.step()).toThrow('The sampler is disposed of.');
  });

  it('fails where llama.cpp does, and takes no step after that', async () => {
    const { token } = await begin(prompt);
    // The sequence is not that long yet.
    const loop = new TokenLoop(bare.inference, sampler, 0, 100, token);
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);

    await expect(loop.step()).rejects.toThrow('llama.cpp cannot evaluate the tokens.');
    expect(await loop.step()).toBe(-1);
  });
});

describe('an engine with one slot', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await loadEngine();
  });

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  const json = { gbnf: 'root ::= "{" [a-z" :,]* "}"' };
  const cases: [string, Partial<Sampling>, Grammar?][] = [
    ['greedily', {}],
    ['at temperature 1', { temperature: 1, seed: 7 }],
    ['with every filter', { temperature: 0.9, topK: 40, topP: 0.9, minP: 0.05, seed: 11 }],
    ['with a penalty of repetition', { repeatPenalty: 1.3 }],
    ['with biases', { temperature: 0, logitBias: new Map([[28, -100]]) }],
    [
      'with DRY',
      {
        dry: {
          multiplier: 0.8,
          base: 1.75,
          allowedLength: 2,
          lastTokens: null,
          sequenceBreakers: ['\n'],
        },
      },
    ],
    ['without likely tokens', { temperature: 1, seed: 3, xtc: { probability: 0.9, threshold: 0.1 } }],
    ['with a penalty of presence', { presencePenalty: 0.5 }],
    ['with a penalty of frequency', { temperature: 1, seed: 2, frequencyPenalty: 0.5 }],
    ['by Mirostat', { temperature: 1, seed: 4, mirostat: { version: 2, tau: 3, eta: 0.1 } }],
    ['by adaptive-p', { temperature: 1, seed: 4, minP: 0.01, adaptiveP: { target: 0.4, decay: 0.9 } }],
    ['with an end that comes late', { minTokens: 10 }],
    ['by a grammar', {}, json],
    [
      'by a grammar that waits for its trigger',
      {},
      { gbnf: 'root ::= " fox decided" [^}]*', triggers: [' fox decided'] },
    ],
    ['by a grammar at temperature 1', { temperature: 1, seed: 5 }, json],
  ];

  it.each(cases)(
    'leaves its tokens to the loop, which chooses the same ones: %s',
    async (_, sampling, grammar) => {
      const options = { sampling, maxTokens: 40, ...(grammar && { grammar }) };
      // Log-probabilities are read between two tokens.
      const expected = await generateOn(engine, prompt, { ...options, logprobs: 0, cachePrompt: false });
      const decodes = vi.spyOn(LlamaContext.prototype, 'decode');
      const generated = await generateOn(engine, prompt, { ...options, cachePrompt: false });

      expect(generated.text).toBe(expected.text);
      expect(generated.completionTokens).toBe(expected.completionTokens);
      expect(decodes).toHaveBeenCalledOnce();
    },
  );

  it('remembers what was generated for a penalty of repetition, also where another one changes with each token', async () => {
    const alone = await generateOn(engine, prompt, { sampling: { repeatPenalty: 1.5 }, maxTokens: 60 });
    const both = await generateOn(engine, prompt, {
      sampling: { repeatPenalty: 1.5, presencePenalty: 1e-6 },
      maxTokens: 60,
    });
    const none = await generateOn(engine, prompt, { maxTokens: 60 });

    expect(both.text).toBe(alone.text);
    expect(alone.text).not.toBe(none.text);
  });

  /** Cut behind its last token, so that what is generated behind it is all that a next prompt takes back. */
  const whole = () => engine.tokenize(`${prompt} `.repeat(8)).slice(0, 64);

  /** Whether the prompt is kept, and goes on as on a sequence that has seen nothing. */
  async function expectKept(tokens: readonly number[]): Promise<void> {
    const more = [...tokens, ...engine.tokenize(' he met a bear and said')];
    const kept = await generateOn(engine, more, { maxTokens: 40 });
    const cold = await generateOn(engine, more, { maxTokens: 40, cachePrompt: false });

    expect([kept.cachedTokens, cold.cachedTokens]).toEqual([64, 0]);
    expect(kept.text).toBe(cold.text);
  }

  it('leaves the loop at a stop string, and knows what the sequence holds', async () => {
    const { text } = await generateOn(engine, whole(), { maxTokens: 40 });
    const stop = text.slice(20, 26);
    const stopped = await generateOn(engine, whole(), { maxTokens: 40, stop: [stop] });

    expect(stopped).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: 'stop' });
    await expectKept(whole());
  });

  it('leaves the loop when nobody wants its text, and knows what the sequence holds', async () => {
    const request = { prompt: whole(), maxTokens: 400, sampling: greedy, stop: [] };
    let pieces = 0;
    for await (const event of engine.generate(request)) {
      pieces += Number(event.type === 'text');
      if (pieces === 8) break;
    }

    await expectKept(whole());
  });

  it('leaves the loop when it is aborted, and knows what the sequence holds', async () => {
    const abort = new AbortController();
    const reason = new Error('the caller left');
    const request = { prompt: whole(), maxTokens: 400, sampling: greedy, stop: [] };
    const generation = engine.generate(request, abort.signal);
    for (let pieces = 0; pieces < 8; pieces += 1) await generation.next();
    abort.abort(reason);

    await expect(generation.next()).rejects.toBe(reason);
    await expectKept(whole());
  });

  it('is asked for no more than what is left', async () => {
    for (const maxTokens of [1, 2, 3]) {
      const { completionTokens } = await generateOn(engine, prompt, { maxTokens, cachePrompt: false });
      expect(completionTokens).toBe(maxTokens);
    }
  });

  it('ends in the loop when the time is up', async () => {
    // A millisecond passes with each look at the clock.
    let now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => ++now);
    const endBy = now + 1_000;
    const sampling = { ignoreEndOfGeneration: true };
    const late = await generateOn(engine, prompt, { maxTokens: 900, sampling, endBy });

    expect(now).toBeLessThan(endBy);
    expect(late).toMatchObject({ deadline: true, finishReason: 'length' });
    expect(late.completionTokens).toBeGreaterThan(1);
  });
});

describe('an engine with two threads', () => {
  it('keeps its second thread from its first decode to its end', async () => {
    const threads = () => readdirSync('/proc/self/task').length;
    // By then libuv has made its threads, and the inference thread runs.
    const first = await loadEngine();
    await generateOn(first, prompt, { maxTokens: 1 });
    const before = threads();
    const engine = await loadEngine({ threads: 2 });
    const loaded = threads();
    const { text } = await generateOn(engine, 'The capital of France is', { maxTokens: 2 });
    const after = threads();
    await engine[Symbol.asyncDispose]();

    expect(text).toBe(' Paris.');
    expect([loaded, after, threads()]).toEqual([before + 1, before + 1, before]);
    await first[Symbol.asyncDispose]();
  });
});
