import { describe, expect, it } from 'vitest';
import { FakeEngine } from '../fake-engine.ts';
import { askWhole, chatWhole, toTemplate } from './fake-service.ts';

const template = toTemplate('{{ messages[0].content }}');

/** Returns the engine's request for a completion. Checks that a chat with the same fields has the same. */
async function ask(fields: object, context = {}) {
  const engine = new FakeEngine();
  await askWhole({ prompt: 'Hi', ...fields }, engine, context);
  const messages = [{ role: 'user', content: 'Hi' }];
  await chatWhole({ messages, max_tokens: 16, ...fields }, { engine, chatTemplate: template }, context);
  const [completionRequest, chatRequest] = engine.requests;
  expect(chatRequest).toEqual(completionRequest);
  return completionRequest;
}

describe("the engine's request", () => {
  it("has OpenAI's defaults", async () => {
    expect(await ask({})).toEqual({
      prompt: [72, 105],
      maxTokens: 16,
      stop: [],
      cachePrompt: true,
      sampling: {
        temperature: 1,
        topP: 1,
        topK: 0,
        minP: 0,
        repeatPenalty: 1,
        repeatLastTokens: 64,
        presencePenalty: 0,
        frequencyPenalty: 0,
        logitBias: new Map(),
        ignoreEndOfGeneration: false,
        seed: 7,
      },
    });
  });

  it('has every field', async () => {
    const fields = {
      max_tokens: 3,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.05,
      repeat_penalty: 1.1,
      repeat_last_n: 128,
      presence_penalty: 2,
      frequency_penalty: -2,
      logit_bias: { 72: 1.5, 105: -100, 0: 100 },
      dry_multiplier: 0.8,
      dry_base: 2,
      dry_allowed_length: 3,
      dry_penalty_last_n: 64,
      dry_sequence_breakers: ['\n'],
      xtc_probability: 0.5,
      xtc_threshold: 0.2,
      typical_p: 0.9,
      top_n_sigma: 1.5,
      dynatemp_range: 0.4,
      dynatemp_exponent: 2,
      mirostat: 1,
      mirostat_tau: 4,
      mirostat_eta: 0.2,
      adaptive_target: 0.5,
      adaptive_decay: 0.8,
      samplers: ['penalties', 'Top-K', 'topp', 'nucleus', 'typical_p', 'temp'],
      min_keep: 2,
      min_tokens: 3,
      ignore_eos: true,
      seed: 11,
      stop: ['x', 'y'],
      cache_prompt: false,
      t_max_predict_ms: 250,
      timings_per_token: true,
      grammar: 'root ::= "a"',
      user: 'somebody',
    };

    expect(await ask(fields, { endBy: 1234.5 })).toEqual({
      prompt: [72, 105],
      maxTokens: 3,
      stop: ['x', 'y'],
      cachePrompt: false,
      maxPredictMs: 250,
      endBy: 1234.5,
      progress: true,
      grammar: { gbnf: 'root ::= "a"' },
      sampling: {
        temperature: 0.5,
        topP: 0.9,
        topK: 40,
        minP: 0.05,
        repeatPenalty: 1.1,
        repeatLastTokens: 128,
        presencePenalty: 2,
        frequencyPenalty: -2,
        logitBias: new Map([
          [72, 1.5],
          [105, Number.NEGATIVE_INFINITY],
          [0, 100],
        ]),
        dry: { multiplier: 0.8, base: 2, allowedLength: 3, lastTokens: 64, sequenceBreakers: ['\n'] },
        xtc: { probability: 0.5, threshold: 0.2 },
        typicalP: 0.9,
        topNSigma: 1.5,
        dynatemp: { range: 0.4, exponent: 2 },
        mirostat: { version: 1, tau: 4, eta: 0.2 },
        adaptiveP: { target: 0.5, decay: 0.8 },
        samplers: ['penalties', 'top_k', 'top_p', 'top_p', 'typ_p', 'temperature'],
        minKeep: 2,
        minTokens: 3,
        ignoreEndOfGeneration: true,
        seed: 11,
      },
    });
  });

  it.each([
    ['one stop text', { stop: 'x' }, { stop: ['x'] }],
    ['no stop', { stop: null }, { stop: [] }],
    ['DRY over all tokens', { dry_multiplier: 1 }, { sampling: { dry: { lastTokens: null } } }],
    [
      'a penalty of repetition by its name in vLLM',
      { repetition_penalty: 1.2, repeat_penalty: 1.1 },
      { sampling: { repeatPenalty: 1.2, repeatLastTokens: Number.POSITIVE_INFINITY } },
    ],
    [
      'a neutral penalty of repetition',
      { repetition_penalty: 1, repeat_penalty: 1.1 },
      { sampling: { repeatPenalty: 1.1, repeatLastTokens: 64 } },
    ],
    [
      'a penalty of repetition over some tokens',
      { repetition_penalty: 1.2, repeat_last_n: 5 },
      { sampling: { repeatLastTokens: 5 } },
    ],
    [
      'a penalty of repetition over all tokens',
      { repeat_penalty: 1.2, repeat_last_n: -1 },
      { sampling: { repeatLastTokens: Number.POSITIVE_INFINITY } },
    ],
    [
      'the letters of samplers',
      { samplers: 'edskypmxta' },
      {
        sampling: {
          samplers: [
            ...['penalties', 'dry', 'top_n_sigma', 'top_k', 'typ_p', 'top_p', 'min_p', 'xtc'],
            ...['temperature', 'adaptive_p'],
          ],
        },
      },
    ],
    ['the smaller of two limits', { max_tokens: 9, n_predict: 4 }, { maxTokens: 4 }],
    ['the other limit', { max_tokens: 4, n_predict: 9 }, { maxTokens: 4 }],
    ['a limit and none', { max_tokens: 4, n_predict: -1 }, { maxTokens: 4 }],
  ])('is correct for %s', async (_, fields, expected) => {
    expect(await ask(fields)).toMatchObject(expected);
  });

  it('has as many tokens as fit the context where n_predict is -1', async () => {
    const engine = new FakeEngine();
    await askWhole({ prompt: 'Hi', n_predict: -1 }, engine);
    await askWhole({ prompt: 'Hi', n_predict: 5 }, engine);

    expect(engine.requests.map(({ maxTokens }) => maxTokens)).toEqual([engine.contextSize - 2, 5]);
  });

  it('has log-probabilities where n_probs asks for some', async () => {
    for (const [n_probs, logprobs] of [
      [0, undefined],
      [3, 3],
      [100, 20],
    ]) {
      const engine = new FakeEngine();
      await askWhole({ prompt: 'Hi', n_probs }, engine);
      await chatWhole(
        { messages: [{ role: 'user', content: 'Hi' }], n_probs },
        { engine, chatTemplate: template },
      );
      expect(engine.requests.map((request) => request.logprobs)).toEqual([logprobs, logprobs]);
    }
  });

  it.each([
    [['top_k', 'top_q'], 'samplers.1', /a list of penalties, dry, .*\. Item 1 is none of them\.$/],
    [['constructor'], 'samplers.0', /Item 0 is none/],
    ['kq', 'samplers', /of the letters edskypmxta\. Item 1 is none of them\.$/],
    ['top_k', 'samplers', /Item 1 is none/],
    [7, 'samplers', /must be a string or a list, not 7/],
  ])('has no samplers %j', async (samplers, param, message) => {
    await expect(askWhole({ prompt: 'Hi', samplers }, new FakeEngine())).rejects.toMatchObject({
      code: 'invalid_value',
      param,
      message: expect.stringMatching(message),
    });
  });

  it.each([
    [0, 0],
    [2 ** 32 - 1, 0],
    [-(2 ** 63), 0],
    [2 ** 63, 0],
    [2 ** 64, 0],
    [-2, 0xffff_fffe],
    [2 ** 32 + 5, 5],
    [Number.MAX_SAFE_INTEGER, 0],
  ])('has the low 32 bits of the seed %i, and never the value for a random seed', async (seed, expected) => {
    expect((await ask({ seed }))?.sampling.seed).toBe(expected);
  });

  it('has a drawn seed for the seed -1', async () => {
    expect((await ask({ seed: -1 }))?.sampling.seed).toBe(7);
  });

  it('has a different seed for each choice', async () => {
    const engine = new FakeEngine();
    await chatWhole(
      { messages: [{ role: 'user', content: 'Hi' }], n: 3, seed: 5 },
      { engine, chatTemplate: template },
    );

    expect(engine.requests.map(({ sampling }) => sampling.seed)).toEqual([5, 6, 7]);
  });
});

describe('a logit_bias', () => {
  const toBiases = async (logit_bias: unknown) => {
    const request = await ask({ logit_bias });
    return [...(request?.sampling.logitBias ?? [])];
  };

  // The fake engine has a token for each character.
  it.each([
    [
      { 5: 1.5, 7: -100 },
      [
        [5, 1.5],
        [7, Number.NEGATIVE_INFINITY],
      ],
    ],
    [
      { 5: false, 7: -200 },
      [
        [5, Number.NEGATIVE_INFINITY],
        [7, Number.NEGATIVE_INFINITY],
      ],
    ],
    [{ 5: 500 }, [[5, 500]]],
    [
      { Hi: 2 },
      [
        [72, 2],
        [105, 2],
      ],
    ],
    [
      [
        [72, 1],
        ['Hi', 2],
        [5, false],
      ],
      [
        [72, 3],
        [105, 2],
        [5, Number.NEGATIVE_INFINITY],
      ],
    ],
    [[['7', 1]], [[7, 1]]],
    [{ constructor: 0 }, expect.arrayContaining([[99, 0]])],
    [[], []],
  ])('of %j is added up', async (logit_bias, biases) => {
    expect(await toBiases(logit_bias)).toEqual(biases);
  });

  it.each([
    [{ 1114372: 1 }, 'logit_bias.1114372', /must be a token of this model, lower than 1114372/],
    [{ 4294967295: 1 }, 'logit_bias.4294967295', /must be a token/],
    [{ 12345678901: 1 }, 'logit_bias.12345678901', /must be a token/],
    [{ '-1': 1 }, 'logit_bias.-1', /must be a token/],
    [[[1114372, 1]], 'logit_bias.1114372', /must be a token/],
    [{ 5: '1' }, 'logit_bias.5', /must be a number or a boolean, not a string/],
    [{ 5: true }, 'logit_bias', /must be a number, or false to forbid the token, not true/],
    [[[5]], 'logit_bias.0', /must be a list/],
    [{ ['a'.repeat(70_000)]: 1 }, 'logit_bias', /have at least 70000 characters/],
  ])('of %j is rejected', async (logit_bias, param, message) => {
    await expect(askWhole({ prompt: 'Hi', logit_bias }, new FakeEngine())).rejects.toMatchObject({
      code: 'invalid_value',
      param,
      message: expect.stringMatching(message),
    });
  });

  it('with the key __proto__ has no effect', async () => {
    const body = JSON.parse('{"prompt": "Hi", "logit_bias": {"__proto__": 5}}') as object;
    const engine = new FakeEngine();
    await askWhole(body, engine);

    expect(engine.requests[0]?.sampling.logitBias).toEqual(new Map());
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});
