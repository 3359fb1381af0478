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
        presencePenalty: 2,
        frequencyPenalty: -2,
        logitBias: new Map([
          [72, 1.5],
          [105, Number.NEGATIVE_INFINITY],
          [0, 100],
        ]),
        dry: { multiplier: 0.8, base: 2, allowedLength: 3, lastTokens: 64, sequenceBreakers: ['\n'] },
        xtc: { probability: 0.5, threshold: 0.2 },
        ignoreEndOfGeneration: true,
        seed: 11,
      },
    });
  });

  it.each([
    ['one stop text', { stop: 'x' }, { stop: ['x'] }],
    ['no stop', { stop: null }, { stop: [] }],
    ['DRY over all tokens', { dry_multiplier: 1 }, { sampling: { dry: { lastTokens: null } } }],
    ['a temperature too low to divide by', { temperature: 1e-6 }, { sampling: { temperature: 0 } }],
  ])('is correct for %s', async (_, fields, expected) => {
    expect(await ask(fields)).toMatchObject(expected);
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
  it.each([
    [
      { 1114372: 1 },
      'invalid_value',
      'logit_bias.1114372',
      /must be a token of this model, lower than 1114372/,
    ],
    [{ 4294967295: 1 }, 'invalid_value', 'logit_bias.4294967295', /must be a token/],
    [{ 12345678901: 1 }, 'invalid_value', 'logit_bias.12345678901', /must be a token number/],
    [{ a: 1 }, 'invalid_value', 'logit_bias.a', /^The key of 'logit_bias\.a' must be a token number\.$/],
    [{ '-1': 1 }, 'invalid_value', 'logit_bias.-1', /must be a token number/],
    [{ constructor: 1 }, 'invalid_value', 'logit_bias.constructor', /must be a token number/],
    [{ 5: 101 }, 'invalid_value', 'logit_bias.5', /must be at most 100, not 101/],
    [{ 5: '1' }, 'invalid_value', 'logit_bias.5', /must be a number, not a string/],
  ])('of %j is rejected', async (logit_bias, code, param, message) => {
    await expect(askWhole({ prompt: 'Hi', logit_bias }, new FakeEngine())).rejects.toMatchObject({
      code,
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
