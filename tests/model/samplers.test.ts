// What each sampler does to a text of the real model: the same seed gives the same text, and the effect can be told.
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Engine, Sampling } from '../../src/engine/engine.ts';
import { LlamaContext } from '../../src/engine/llama/llama-context.ts';
import { type Generated, generateOn, loadEngine } from './generation.ts';
import { mean } from './mean.ts';

const prompt = 'Once upon a time there was a fox who lived in a forest. One day';
const question = '<|im_start|>user\nSay hi<|im_end|>\n<|im_start|>assistant\n';

let engine: Engine;

beforeAll(async () => {
  engine = await loadEngine();
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const base = { temperature: 1.5, seed: 11, ignoreEndOfGeneration: true } as const;

const generated = new Map<string, Promise<Generated>>();

/** The text that a sampling gives. Several tests compare with the same one. */
function generate(sampling: Partial<Sampling>, maxTokens = 64): Promise<Generated> {
  const key = inspect([sampling, maxTokens], { depth: null });
  const known = generated.get(key);
  if (known !== undefined) return known;
  const options = { maxTokens, sampling: { ...base, ...sampling }, logprobs: 0 };
  const text = generateOn(engine, prompt, options);
  generated.set(key, text);
  return text;
}

const logprobsOf = ({ tokens }: Generated) => tokens.map(({ score }) => score?.logprob ?? Number.NaN);
/** Bits a token, before any sampling option. */
const surpriseOf = (text: Generated) => mean(logprobsOf(text).map((logprob) => -logprob / Math.LN2));
const probabilityOf = (text: Generated) => mean(logprobsOf(text).map(Math.exp));

describe('the same seed gives the same text, and the native loop chooses it', () => {
  it.each<[string, Partial<Sampling>]>([
    ['typical-p', { typicalP: 0.5 }],
    ['top-n-sigma', { topNSigma: 1 }],
    ['a dynamic temperature', { temperature: 1, dynatemp: { range: 0.8, exponent: 1 } }],
    ['Mirostat 1', { mirostat: { version: 1, tau: 4, eta: 0.1 } }],
    ['Mirostat 2', { mirostat: { version: 2, tau: 4, eta: 0.1 } }],
    ['adaptive-p', { minP: 0.02, adaptiveP: { target: 0.5, decay: 0.9 } }],
    ['another order', { samplers: ['temperature', 'top_p', 'top_k'], topP: 0.8, topK: 50 }],
    ['kept tokens', { topP: 0.01, minKeep: 4 }],
    ['a penalty of repetition of the whole text', { repeatPenalty: 1.2, repeatLastTokens: Infinity }],
    ['a late end', { ignoreEndOfGeneration: false, minTokens: 20 }],
    [
      'all together',
      {
        ...{ typicalP: 0.9, topNSigma: 2, dynatemp: { range: 0.3, exponent: 2 }, topK: 100, topP: 0.95 },
        ...{ presencePenalty: 0.3, frequencyPenalty: 0.2, repeatPenalty: 1.05, minP: 0.01 },
        xtc: { probability: 0.2, threshold: 0.2 },
      },
    ],
  ])('%s', async (_, sampling) => {
    const expected = await generate(sampling, 32);
    const decodes = vi.spyOn(LlamaContext.prototype, 'decode');
    const options = { maxTokens: 32, cachePrompt: false };
    const looped = await generateOn(engine, prompt, { ...options, sampling: { ...base, ...sampling } });
    const calls = decodes.mock.calls.length;
    decodes.mockRestore();
    const other = await generate({ ...sampling, seed: 12 }, 32);

    expect(looped.text).toBe(expected.text);
    expect(calls).toBe(1);
    expect(other.text).not.toBe(expected.text);
  });
});

describe('a sampler that drops tokens', () => {
  it.each<[string, Partial<Sampling>]>([
    ['typical-p', { typicalP: 0.3 }],
    ['top-n-sigma', { topNSigma: 1 }],
  ])('makes a hot text less surprising: %s', async (_, sampling) => {
    expect(surpriseOf(await generate(sampling))).toBeLessThan(surpriseOf(await generate({})) - 2);
  });

  it('drops more, the lower its limit is: top-n-sigma', async () => {
    const [narrow, wide] = [await generate({ topNSigma: 0.5 }), await generate({ topNSigma: 3 })];

    expect(surpriseOf(narrow)).toBeLessThan(surpriseOf(wide));
  });

  it('counts no forbidden token: a bias leaves the effect of top-n-sigma as it is', async () => {
    const unlikely = engine.tokenizeText('zx', { special: false });
    const logitBias = new Map(unlikely.map((token) => [token, Number.NEGATIVE_INFINITY]));

    expect((await generate({ topNSigma: 1, logitBias })).text).toBe((await generate({ topNSigma: 1 })).text);
  });

  it('leaves the tokens that are to be kept', async () => {
    const likeliest = await generate({ temperature: 0 });

    expect((await generate({ topP: 0 })).text).toBe(likeliest.text);
    expect((await generate({ topP: 0, minKeep: 5 })).text).not.toBe(likeliest.text);
    expect((await generate({ minP: 1, minKeep: 5 })).text).not.toBe(likeliest.text);
  });
});

describe('Mirostat', () => {
  it.each([1, 2] as const)('keeps the surprise near its target: version %d', async (version) => {
    const surpriseFor = async (tau: number) =>
      surpriseOf(await generate({ temperature: 1, mirostat: { version, tau, eta: 0.2 } }, 160));
    // A target above the surprise of the model's own texts would only let Mirostat go.
    const [low, high] = [await surpriseFor(1), await surpriseFor(2.5)];

    expect(Math.abs(low - 1)).toBeLessThan(0.7);
    expect(Math.abs(high - 2.5)).toBeLessThan(0.9);
  });

  it('replaces the samplers that drop tokens, but no penalty', async () => {
    const mirostat = { version: 2, tau: 3, eta: 0.1 } as const;
    const plain = await generate({ mirostat });

    expect((await generate({ mirostat, topK: 1 })).text).toBe(plain.text);
    expect((await generate({ mirostat, presencePenalty: 2 })).text).not.toBe(plain.text);
  });

  it('chooses the likeliest tokens at temperature 0', async () => {
    const mirostat = { version: 1, tau: 5, eta: 0.1 } as const;

    expect((await generate({ temperature: 0, mirostat })).text).toBe(
      (await generate({ temperature: 0 })).text,
    );
  });
});

describe('the temperature', () => {
  it('falls where the model is certain, when it is dynamic', async () => {
    const dynamic = await generate({ temperature: 1, dynatemp: { range: 1, exponent: 1 } });

    expect(surpriseOf(dynamic)).toBeLessThan(surpriseOf(await generate({ temperature: 1 })));
  });

  it('falls later, the lower the exponent is', async () => {
    const steep = await generate({ temperature: 1, dynatemp: { range: 1, exponent: 3 } });
    const flat = await generate({ temperature: 1, dynatemp: { range: 1, exponent: 0.2 } });

    expect(surpriseOf(steep)).toBeLessThan(surpriseOf(flat));
  });

  it('is not 0 when its range is above 0', async () => {
    const dynamic = await generate({ temperature: 0, dynatemp: { range: 2, exponent: 0.2 } });

    expect(dynamic.text).not.toBe((await generate({ temperature: 0 })).text);
  });
});

it('adaptive-p keeps the probability of the text near its target', async () => {
  const probabilityFor = async (target: number) =>
    probabilityOf(await generate({ temperature: 1, minP: 0.02, adaptiveP: { target, decay: 0.9 } }));
  const [low, high] = [await probabilityFor(0.1), await probabilityFor(0.8)];

  expect(low).toBeLessThan(0.4);
  expect(high).toBeGreaterThan(low + 0.2);
});

describe('the order of the samplers', () => {
  const filters = { topP: 0.7, temperature: 1.5 };

  it('changes what they leave', async () => {
    // A hot distribution has more tokens within the same probability.
    const cold = await generate({ ...filters, samplers: ['top_p', 'temperature'] });
    const hot = await generate({ ...filters, samplers: ['temperature', 'top_p'] });

    expect(surpriseOf(cold)).toBeLessThan(surpriseOf(hot) - 1);
    expect(cold.text).toBe((await generate(filters)).text);
  });

  it('leaves out samplers that are not in it', async () => {
    expect((await generate({ ...filters, samplers: ['temperature'] })).text).toBe(
      (await generate({ temperature: 1.5 })).text,
    );
    expect((await generate({ temperature: 0, samplers: ['top_k'] })).text).toBe(
      (await generate({ temperature: 1 })).text,
    );
  });

  it('may have penalties behind a filter', async () => {
    const penalties = { presencePenalty: 1.5, repeatPenalty: 1.3, topK: 40 };
    const behind = await generate({ ...penalties, samplers: ['top_k', 'penalties', 'temperature'] });
    const none = await generate({ ...penalties, samplers: ['top_k', 'temperature'] });

    expect(behind.text).not.toBe(none.text);
    const distinct = ({ tokens }: Generated) => new Set(tokens.map(({ token }) => token)).size;
    expect(distinct(behind)).toBeGreaterThan(distinct(none));
  });
});

describe('a penalty of repetition', () => {
  const repeat = (repeatLastTokens: number) =>
    generateOn(engine, 'la la la la la la', {
      maxTokens: 40,
      sampling: { repeatPenalty: 1.8, repeatLastTokens },
    });

  it('counts as many of the last tokens as it is told to', async () => {
    const texts = [await repeat(0), await repeat(2), await repeat(Number.POSITIVE_INFINITY)];
    const plain = await generateOn(engine, 'la la la la la la', { maxTokens: 40 });

    expect(texts[0]?.text).toBe(plain.text);
    expect(new Set(texts.map(({ text }) => text)).size).toBe(3);
  });
});

describe('a text that may not end early', () => {
  const ask = (sampling: Partial<Sampling>, stop: string[] = []) =>
    generateOn(engine, question, { maxTokens: 120, sampling, stop });

  it('goes on behind the end that the model would choose', async () => {
    const early = await ask({});
    const minTokens = early.completionTokens + 10;
    const late = await ask({ minTokens });

    expect(early.finishReason).toBe('stop');
    expect(late.completionTokens).toBeGreaterThanOrEqual(minTokens);
    expect(late.text.startsWith(early.text)).toBe(true);
  });

  it('goes on behind a stop string', async () => {
    const { text } = await ask({});
    const [stop = ''] = text.match(/\w+/) ?? [];

    expect((await ask({}, [stop])).completionTokens).toBeLessThan(10);
    expect((await ask({ minTokens: 15 }, [stop])).completionTokens).toBeGreaterThanOrEqual(15);
  });

  it('ends where its grammar does', async () => {
    const grammar = { gbnf: 'root ::= " yes" | " no"' };
    const { text } = await generateOn(engine, 'Is water wet?', { grammar, sampling: { minTokens: 10 } });

    expect(text).toMatch(/^ (?:yes|no)/);
  });
});

describe('a grammar', () => {
  const grammar = { gbnf: 'root ::= "{\\"" [a-z]+ "\\": " [0-9]+ "}"' };

  it.each<[string, Partial<Sampling>]>([
    ['typical-p', { typicalP: 0.2 }],
    ['top-n-sigma', { topNSigma: 1 }],
    ['Mirostat 1', { mirostat: { version: 1, tau: 4, eta: 0.1 } }],
    ['Mirostat 2', { mirostat: { version: 2, tau: 4, eta: 0.1 } }],
    ['adaptive-p', { adaptiveP: { target: 0.3, decay: 0.9 } }],
    ['a dynamic temperature', { dynatemp: { range: 1, exponent: 1 } }],
    ['another order', { samplers: ['temperature', 'min_p', 'penalties'], minP: 0.1, presencePenalty: 1 }],
    ['penalties', { temperature: 0, presencePenalty: 2, frequencyPenalty: 2, repeatPenalty: 2 }],
  ])('holds under %s', async (_, sampling) => {
    const options = { grammar, maxTokens: 24, sampling: { temperature: 1, seed: 4, ...sampling } };
    const { text, finishReason } = await generateOn(engine, prompt, options);

    expect(text).toMatch(
      finishReason === 'stop' ? /^\{"[a-z]+": [0-9]+\}$/ : /^\{("([a-z]+(": ?[0-9]*)?)?)?$/,
    );
  });
});

it('a sampler that native code refuses fails its request, and no other', async () => {
  await expect(generate({ samplers: ['top_q' as never] })).rejects.toThrow("There is no sampler 'top_q'.");
  expect((await generateOn(engine, 'The capital of France is', { maxTokens: 2 })).text).toBe(' Paris.');
});

it('numbers that would wrap in native code have the effect of the greatest ones', async () => {
  const dry = { multiplier: 1, base: 1.75, allowedLength: 2, lastTokens: 1e9, sequenceBreakers: ['\n'] };
  const huge = await generate({ topK: 4_294_967_297, minTokens: 1e12, dry });
  const greatest = await generate({ topK: 49_152, dry: { ...dry, lastTokens: null } });

  expect(huge.text).toBe(greatest.text);
});

it('texts that are generated at once keep their samplers apart', async () => {
  await using several = await loadEngine({ slots: 2 });
  const samplings: Partial<Sampling>[] = [
    { temperature: 1, seed: 5, mirostat: { version: 2, tau: 3, eta: 0.1 }, presencePenalty: 1 },
    { temperature: 1, seed: 6, frequencyPenalty: 1, repeatPenalty: 1.2 },
  ];
  const ask = (sampling: Partial<Sampling>) =>
    generateOn(several, prompt, { sampling, maxTokens: 24, cachePrompt: false });
  const first = await Promise.all(samplings.map(ask));
  const second = await Promise.all(samplings.map(ask));

  expect(second.map(({ text }) => text)).toEqual(first.map(({ text }) => text));
});
