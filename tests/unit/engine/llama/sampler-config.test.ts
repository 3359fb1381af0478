import { describe, expect, it } from 'vitest';
import { type Sampling, samplerOrder } from '../../../../src/engine/engine.ts';
import { toSamplerConfig } from '../../../../src/engine/llama/sampler-config.ts';
import { greedy } from '../sequence/create-sequences.ts';

const prompt = [1, 2, 3, 4, 5, 6];

/** Of a request for 10 tokens of a vocabulary of 100. */
function toConfig(sampling: Partial<Sampling>) {
  return toSamplerConfig({ prompt, maxTokens: 10, sampling: { ...greedy, ...sampling } }, 100);
}

const dry = { multiplier: 1, base: 1.75, allowedLength: 2, lastTokens: null, sequenceBreakers: [] };

describe("the native sampler's settings", () => {
  it('have every sampler off by default, in the order of llama-server', () => {
    expect(toConfig({})).toMatchObject({
      order: samplerOrder,
      temperature: 0,
      dynatempRange: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      typicalP: 1,
      topNSigma: 0,
      xtcProbability: 0,
      mirostat: 0,
      adaptiveTarget: -1,
      repeatPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      dryMultiplier: 0,
      minKeep: 0,
      minTokens: 0,
      grammarPrefix: '',
      grammarTriggers: [],
      thoughtsStart: '',
      thoughtsEnds: [],
      startsThinking: false,
      thoughtTokens: 0,
      thoughtEnd: new Uint32Array(),
    });
  });

  it.each<[string, Partial<Sampling>, object]>([
    ['a top-k beyond 32 bits', { topK: 4_294_967_297 }, { topK: 100 }],
    ['a negative top-k', { topK: -1 }, { topK: 0 }],
    ['a DRY memory of a billion', { dry: { ...dry, lastTokens: 1_000_000_000 } }, { dryLastTokens: 10 }],
    ['a DRY memory of all', { dry }, { dryLastTokens: 10 }],
    ['a DRY length beyond 32 bits', { dry: { ...dry, allowedLength: 2 ** 40 } }, { dryAllowedLength: 10 }],
    ['a DRY base below 1', { dry: { ...dry, base: 0.5 } }, { dryBase: 1 }],
    ['a repeat penalty of zero', { repeatPenalty: 0 }, { repeatPenalty: 0.001 }],
    ['a presence penalty without bound', { presencePenalty: 1e300 }, { presencePenalty: 1000 }],
    ['a negative frequency penalty without bound', { frequencyPenalty: -1e300 }, { frequencyPenalty: -1000 }],
    ['probabilities above 1', { topP: 7, minP: 7, typicalP: 7 }, { topP: 1, minP: 1, typicalP: 1 }],
    ['probabilities below 0', { topP: -7, minP: -7, typicalP: -7 }, { topP: 0, minP: 0, typicalP: 0 }],
    ['numbers that are none', { topP: Number.NaN, topK: Number.NaN }, { topP: 0, topK: 0 }],
    ['an endless sigma', { topNSigma: Number.POSITIVE_INFINITY }, { topNSigma: 1e6 }],
    [
      'a Mirostat whose estimate would overflow',
      { mirostat: { version: 1, tau: 1e9, eta: -1 } },
      { mirostat: 1, mirostatTau: 20, mirostatEta: 0 },
    ],
    [
      'an adaptive-p that would divide by zero',
      { adaptiveP: { target: 2, decay: 1 } },
      { adaptiveTarget: 1, adaptiveDecay: 0.99 },
    ],
    ['more kept tokens than there are', { minKeep: 1e12 }, { minKeep: 100 }],
    ['a late end beyond the limit', { minTokens: 1e12 }, { minTokens: 10 }],
    ['a likely token of no probability', { xtc: { probability: 2, threshold: 0 } }, { xtcThreshold: 1e-6 }],
    ['a seed beyond 32 bits', { seed: 2 ** 40 }, { seed: 2 ** 32 - 2 }],
    ['the seed that llama.cpp replaces', { seed: 2 ** 32 - 1 }, { seed: 2 ** 32 - 2 }],
    ['an exponent without bound', { dynatemp: { range: 1, exponent: 1e300 } }, { dynatempExponent: 1e3 }],
    ['a negative exponent', { dynatemp: { range: 1, exponent: -1 } }, { dynatempExponent: 0 }],
    ['a temperature too low to divide by', { temperature: 1e-6 }, { temperature: 0, dynatempRange: 0 }],
    ['a temperature without bound', { temperature: 1e300 }, { temperature: 1e4, dynatempRange: 0 }],
    [
      'a dynamic temperature',
      { temperature: 0.8, dynatemp: { range: 0.5, exponent: 1 } },
      { temperature: 0.8, dynatempRange: 0.5 },
    ],
  ])('bring into range %s', (_, sampling, expected) => {
    expect(toConfig(sampling)).toMatchObject(expected);
  });

  it('keep the highest dynamic temperature where the lowest would be too low', () => {
    const { temperature, dynatempRange } = toConfig({
      temperature: 0.5,
      dynatemp: { range: 1, exponent: 1 },
    });

    expect(temperature - dynatempRange).toBeCloseTo(1e-5, 10);
    expect(temperature + dynatempRange).toBeCloseTo(1.5, 10);
  });

  it.each([
    [4, [3, 4, 5, 6], 4],
    [64, prompt, 16],
    [Number.POSITIVE_INFINITY, prompt, 16],
    [0, [], 0],
    [-1, [], 0],
  ])('have the end of the prompt for a repeat penalty over %d tokens', (repeatLastTokens, end, count) => {
    const config = toConfig({ repeatLastTokens });

    expect([...config.promptEnd]).toEqual(end);
    expect(config.repeatLastTokens).toBe(count);
  });

  it('never forbid a token as a grammar does', () => {
    const logitBias = new Map([
      [3, Number.NEGATIVE_INFINITY],
      [4, Number.POSITIVE_INFINITY],
      [5, -1.5],
    ]);
    const { biasTokens, biasValues } = toConfig({ logitBias });

    expect([...biasTokens]).toEqual([3, 4, 5]);
    expect([...biasValues]).toEqual([-1e9, 1e9, -1.5]);
  });
});
