// The native sampler chain against node-llama-cpp's own sampler, which drives llama.cpp's with the same settings.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sampling } from '../../src/engine/engine.ts';
import { type AddonContext, type AddonModel, openLlamaAddon } from '../../src/engine/llama/llama-addon.ts';
import { toSamplerConfig } from '../../src/engine/llama/sampler-config.ts';
import { type BareContext, createBareContext, vocabularySize } from './bare-context.ts';
import { greedy } from './generation.ts';

/** What the project does not use of node-llama-cpp's module. */
interface ReferenceSampler {
  applyConfig(config: object): void;
  dispose(): void;
}
type ReferenceAddon = { readonly AddonSampler: new (model: AddonModel) => ReferenceSampler };
type ReferenceContext = AddonContext & {
  sampleToken(output: number, sampler: ReferenceSampler): Promise<number>;
};

const prompt = 'la la la la. Once upon a time there was a fox who lived in a forest. One day';
const maxTokens = 48;

const opened = openLlamaAddon();
let bare: BareContext;
let promptTokens: Uint32Array;

beforeAll(async () => {
  bare = await createBareContext(opened, 256);
  promptTokens = bare.model.tokenize(prompt, true);
});

afterAll(async () => {
  await bare.dispose();
});

/** Generates a text by a choice of each token. */
async function generate(choose: (output: number) => Promise<number>): Promise<number[]> {
  bare.context.disposeSequence(0);
  const tokens: number[] = [];
  let output = await bare.evaluate(promptTokens, 0);
  for (let index = 0; index < maxTokens; index += 1) {
    const token = await choose(output);
    tokens.push(token);
    output = await bare.evaluate(Uint32Array.of(token), promptTokens.length + index);
  }
  return tokens;
}

async function byChain(sampling: Partial<Sampling>): Promise<number[]> {
  const request = { prompt: [...promptTokens], maxTokens, sampling: { ...greedy, ...sampling } };
  const sampler = new opened.inference.Sampler(bare.model, toSamplerConfig(request, vocabularySize));
  const tokens = await generate(async (output) => Number(await bare.inference.sample(output, sampler)));
  sampler.dispose();
  return tokens;
}

async function byReference(config: object): Promise<number[]> {
  const sampler = new (opened.addon as unknown as ReferenceAddon).AddonSampler(bare.model);
  sampler.applyConfig({ temperature: 0, topP: 1, minP: 0, seed: 0, ...config });
  const tokens = await generate((output) => (bare.context as ReferenceContext).sampleToken(output, sampler));
  sampler.dispose();
  return tokens;
}

describe('the sampler chain chooses what llama.cpp chooses', () => {
  const biases = { tokenBiasKeys: Uint32Array.of(28, 30), tokenBiasValues: Float32Array.of(-4, 2.5) };
  const breakers = ['\n', ':'];
  const dry = { multiplier: 0.8, base: 1.75, allowedLength: 2, lastTokens: null, sequenceBreakers: breakers };
  it.each<[string, Partial<Sampling>, object]>([
    ['greedily', {}, {}],
    ['at temperature 1', { temperature: 1, seed: 7 }, { temperature: 1, seed: 7 }],
    ['at temperature 0.3', { temperature: 0.3, seed: 8 }, { temperature: 0.3, seed: 8 }],
    [
      'with every filter',
      { temperature: 0.9, topK: 40, topP: 0.9, minP: 0.05, seed: 11 },
      { temperature: 0.9, topK: 40, topP: 0.9, minP: 0.05, seed: 11 },
    ],
    [
      'without likely tokens',
      { temperature: 1, seed: 3, xtc: { probability: 0.9, threshold: 0.1 } },
      { temperature: 1, seed: 3, xtcProbability: 0.9, xtcThreshold: 0.1 },
    ],
    [
      'with biases',
      {
        logitBias: new Map([
          [28, -4],
          [30, 2.5],
        ]),
      },
      biases,
    ],
    [
      'with DRY',
      { dry },
      {
        dryRepeatPenaltyStrength: 0.8,
        dryRepeatPenaltyBase: 1.75,
        dryRepeatPenaltyAllowedLength: 2,
        dryRepeatPenaltyLastTokens: maxTokens,
        dryRepeatPenaltySequenceBreakers: breakers,
      },
    ],
  ])('%s', async (_, sampling, config) => {
    expect(await byChain(sampling)).toEqual(await byReference(config));
  });

  it.each([
    ['greedily', {}],
    ['at temperature 1', { temperature: 1, seed: 5 }],
    ['with top-k', { temperature: 1, seed: 6, topK: 20 }],
  ])('under a penalty of repetition, presence and frequency: %s', async (_, sampling) => {
    const tokens = Array.from(promptTokens.slice(-8));
    const chosen = await byChain({ ...sampling, repeatPenalty: 1.3, repeatLastTokens: 8 });
    const repeat = {
      repeatPenalty: 1.3,
      repeatPenaltyMaxTokens: 8,
      repeatPenaltyTokens: Uint32Array.from(tokens),
    };

    expect(chosen).toEqual(await byReference({ ...sampling, ...repeat }));

    const penalised = await byChain({ ...sampling, presencePenalty: 0.7, frequencyPenalty: 0.4 });
    // llama.cpp's own, over a window that holds the text and nothing of the prompt.
    const window = { repeatPenaltyMaxTokens: maxTokens, repeatPenaltyTokens: Uint32Array.of() };
    const penalties = { repeatPenaltyPresencePenalty: 0.7, repeatPenaltyFrequencyPenalty: 0.4 };
    expect(penalised).toEqual(await byReference({ ...sampling, ...window, ...penalties }));
  });
});

it('a sampler that is disposed of is refused, and one that is in use then finishes', async () => {
  const request = { prompt: [], maxTokens: 1, sampling: greedy };
  const sampler = new opened.inference.Sampler(bare.model, toSamplerConfig(request, vocabularySize));
  bare.context.disposeSequence(0);
  const output = await bare.evaluate(promptTokens, 0);
  const choice = bare.inference.sample(output, sampler);
  sampler.dispose();

  expect(await choice).toBeGreaterThanOrEqual(0);
  expect(() => bare.inference.sample(output, sampler)).toThrow('The sampler is disposed of.');
});

it('names a sampler that there is not', () => {
  const request = { prompt: [], maxTokens: 1, sampling: { ...greedy, samplers: ['top_q' as never] } };

  expect(() => new opened.inference.Sampler(bare.model, toSamplerConfig(request, vocabularySize))).toThrow(
    "There is no sampler 'top_q'.",
  );
});
