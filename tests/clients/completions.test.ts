// POST /v1/completions on a real model, with the cases of vLLM's and llama-server's own tests.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Completion, CompletionChoice, CompletionChunk } from '../../src/api/completions/completion.ts';
import type { ErrorBody } from '../../src/errors/request-error.ts';
import { type Answer, groupByIndex, startTestServer, type TestServer } from './test-server.ts';

const path = '/v1/completions';
const prompt = 'The capital of France is';
const promptTokens = 5;
const contextSize = 256;
/** A text with tokens that are parts of characters. */
const accented = 'root ::= "naïve 🤗 café 媽"';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ CONTEXT_SIZE: String(contextSize) });
});

afterAll(async () => {
  await server.end();
});

const toRequest = (fields: object) => ({ prompt, max_tokens: 8, temperature: 0, ...fields });

async function complete(fields: object = {}): Promise<Completion> {
  const { status, body } = await server.post<Completion>(path, toRequest(fields));
  expect({ status, body }).toMatchObject({ status: 200 });
  return body;
}

const textOf = async (fields: object = {}) => (await complete(fields)).choices[0]?.text;

/** Streams the same request, and joins the chunks to whole choices. */
async function completeStreamed(fields: object = {}) {
  const request = toRequest({ ...fields, stream_options: { include_usage: true } });
  const chunks = await server.stream<CompletionChunk>(path, request);
  expect(new Set(chunks.map(({ id, object, model }) => `${id} ${object} ${model}`)).size).toBe(1);
  const choices = groupByIndex(chunks.flatMap((chunk) => chunk.choices)).map(joinChoice);
  return { choices, usage: chunks.at(-1)?.usage };
}

function joinChoice(parts: readonly CompletionChoice[]): CompletionChoice {
  const reasons = parts.map(({ finish_reason }) => finish_reason);
  expect(reasons.slice(0, -1).every((reason) => reason === null)).toBe(true);
  const lists = parts.flatMap(({ logprobs }) => logprobs ?? []);
  const logprobs = {
    tokens: lists.flatMap(({ tokens }) => tokens),
    token_logprobs: lists.flatMap(({ token_logprobs }) => token_logprobs),
    top_logprobs: lists.flatMap(({ top_logprobs }) => top_logprobs),
    text_offset: lists.flatMap(({ text_offset }) => text_offset),
  };
  const tokens = parts.flatMap((part) => part.tokens ?? []);
  const stopReason = parts.at(-1)?.stop_reason;
  return {
    text: parts.map(({ text }) => text).join(''),
    index: parts[0]?.index ?? -1,
    finish_reason: reasons.at(-1) ?? null,
    ...(stopReason !== undefined && { stop_reason: stopReason }),
    logprobs: lists.length === 0 ? null : logprobs,
    ...(parts.some((part) => part.tokens !== undefined) && { tokens }),
  };
}

/** Sends a request that must be rejected with 400. */
async function refuse(fields: object): Promise<ErrorBody['error']> {
  const whole: Answer<ErrorBody> = await server.post(path, toRequest(fields));
  expect(whole).toMatchObject({ status: 400, body: { error: { type: 'invalid_request_error' } } });
  return whole.body.error;
}

async function tokenize(text: string): Promise<number[]> {
  return (await server.post<{ tokens: number[] }>('/tokenize', { prompt: text })).body.tokens;
}

describe('log-probabilities', () => {
  it.each([{}, { logprobs: null }])('are absent by default: %j', async (fields) => {
    expect((await complete(fields)).choices[0]?.logprobs).toBeNull();
  });

  it.each([
    [0, 0, 1, 1],
    [5, 0, 5, 5],
    [5, 2, 5, 6],
    [20, 0, 20, 20],
  ])(
    'with logprobs %i at temperature %i have %i to %i entries per token',
    async (logprobs, temperature, least, most) => {
      const [choice] = (await complete({ logprobs, temperature, seed: 3 })).choices;
      const { tokens = [], token_logprobs = [], top_logprobs = [], text_offset } = choice?.logprobs ?? {};

      expect(tokens.join('')).toBe(choice?.text);
      expect(text_offset).toEqual(tokens.map((_, place) => tokens.slice(0, place).join('').length));
      expect([tokens, token_logprobs, top_logprobs].map(({ length }) => length)).toEqual([8, 8, 8]);
      for (const [place, top] of top_logprobs.entries()) {
        const count = Object.keys(top ?? {}).length;
        expect(count).toBeGreaterThanOrEqual(least);
        expect(count).toBeLessThanOrEqual(most);
        expect(token_logprobs[place]).toBeLessThanOrEqual(0);
        expect(top?.[tokens[place] ?? '']).toBe(token_logprobs[place]);
      }
    },
  );

  it('over the limit are rejected, and the server still answers', async () => {
    expect(await refuse({ logprobs: 21 })).toMatchObject({ param: 'logprobs', message: /20.*21/ });
    expect(await refuse({ logprobs: 30, stream: true })).toMatchObject({ param: 'logprobs' });
    expect(await refuse({ logprobs: -1 })).toMatchObject({ param: 'logprobs' });
    expect(await textOf()).toMatch(/^ Paris/);
  });

  it.each([
    ['with greedy sampling', {}],
    ['at temperature 1', { temperature: 1, seed: 7 }],
    ['with parts of characters', { grammar: accented, max_tokens: 30 }],
    ['before a stop string', { stop: ['and the', 'United St'], max_tokens: 16 }],
  ])('are the same streamed: %s', async (_, fields) => {
    const whole = await complete({ logprobs: 2, ...fields });

    expect(await completeStreamed({ logprobs: 2, ...fields })).toMatchObject({ choices: whole.choices });
    expect(whole.choices[0]?.logprobs?.tokens.length).toBeGreaterThan(4);
  });

  it('have offsets in code points, and bytes for parts of characters', async () => {
    const [choice] = (await complete({ logprobs: 0, grammar: accented, max_tokens: 30 })).choices;
    const { tokens = [], text_offset: offsets = [] } = choice?.logprobs ?? {};
    const points = [...(choice?.text ?? '')];

    expect(choice?.text).toBe('naïve 🤗 café 媽');
    expect(tokens.some((token) => token.startsWith('bytes:\\x'))).toBe(true);
    for (const [place, token] of tokens.entries()) {
      if (token.startsWith('bytes:') || token.startsWith('<|')) continue;
      expect(points.slice(offsets[place]).join('').startsWith(token)).toBe(true);
    }
  });
});

describe('echo', () => {
  it.each([
    ['a text', 0],
    ['a text', 1],
    ['tokens', 0],
    ['tokens', 1],
  ])('starts the answer with the prompt, sent as %s, with logprobs %i', async (kind, logprobs) => {
    const sent = kind === 'tokens' ? await tokenize(prompt) : prompt;
    const [choice] = (await complete({ prompt: sent, echo: true, logprobs, max_tokens: 5 })).choices;
    const { tokens = [], token_logprobs = [], top_logprobs = [], text_offset = [] } = choice?.logprobs ?? {};

    expect(choice?.text).toBe(`${prompt}${await textOf({ max_tokens: 5 })}`);
    expect(tokens.join('')).toBe(choice?.text);
    const count = promptTokens + 5;
    expect([token_logprobs, top_logprobs, text_offset].map(({ length }) => length)).toEqual([
      count,
      count,
      count,
    ]);
    expect([token_logprobs[0], top_logprobs[0], text_offset[0]]).toEqual([null, null, 0]);
    for (const top of top_logprobs.slice(1)) {
      expect(Object.keys(top ?? {}).length).toBeGreaterThanOrEqual(Math.max(1, logprobs));
      expect(Object.keys(top ?? {}).length).toBeLessThanOrEqual(logprobs + 1);
    }
  });

  it('returns the prompt with the same log-probabilities when max_tokens is 0', async () => {
    const alone = await complete({ echo: true, logprobs: 1, max_tokens: 0 });
    const longer = await complete({ echo: true, logprobs: 1, max_tokens: 2 });

    expect(alone).toMatchObject({
      choices: [{ text: prompt, finish_reason: 'length' }],
      usage: { prompt_tokens: promptTokens, completion_tokens: 0, total_tokens: promptTokens },
    });
    expect(longer.choices[0]?.logprobs?.tokens.slice(0, promptTokens)).toEqual(
      alone.choices[0]?.logprobs?.tokens,
    );
    for (const [place, logprob] of (alone.choices[0]?.logprobs?.token_logprobs ?? []).entries()) {
      if (logprob !== null)
        expect(longer.choices[0]?.logprobs?.token_logprobs[place]).toBeCloseTo(logprob, 3);
    }
  });

  it.each([{ echo: true }, { echo: true, logprobs: 1 }, { echo: true, max_tokens: 0 }, { echo: true, n: 2 }])(
    'is the same streamed: %j',
    async (fields) => {
      expect((await completeStreamed(fields)).choices).toEqual((await complete(fields)).choices);
    },
  );
});

describe('several choices', () => {
  const sampled = { temperature: 1, seed: 42, max_tokens: 12, ignore_eos: true };

  it('have consecutive seeds and different texts', async () => {
    const { choices, usage } = await complete({ ...sampled, n: 3, logprobs: 0 });
    const alone = [];
    for (const seed of [42, 43, 44]) alone.push(await textOf({ ...sampled, seed }));

    expect(choices.map(({ text }) => text)).toEqual(alone);
    expect(new Set(alone).size).toBe(3);
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(usage).toMatchObject({
      prompt_tokens: promptTokens,
      completion_tokens: 36,
      total_tokens: promptTokens + 36,
    });
  });

  it('are streamed with their index and one finish reason each', async () => {
    const whole = await complete({ ...sampled, n: 3 });

    expect(await completeStreamed({ ...sampled, n: 3 })).toMatchObject({
      choices: whole.choices,
      usage: { completion_tokens: 36, total_tokens: promptTokens + 36 },
    });
  });

  it('are those with the highest mean log-probability with best_of', async () => {
    const all = await complete({ ...sampled, n: 4, logprobs: 0 });
    const best = await complete({ ...sampled, n: 2, best_of: 4, logprobs: 0 });
    const means = all.choices.map(({ text, logprobs }) => ({
      text,
      mean: mean(logprobs?.token_logprobs ?? []),
    }));
    const expected = means.toSorted((one, other) => other.mean - one.mean).slice(0, 2);

    expect(best.choices.map(({ text }) => text)).toEqual(expected.map(({ text }) => text));
    expect(best.choices.map(({ index }) => index)).toEqual([0, 1]);
    expect(best.usage).toMatchObject({ prompt_tokens: promptTokens, completion_tokens: 48 });
    expect(await refuse({ n: 3, best_of: 2 })).toMatchObject({ param: 'best_of' });
    expect(await refuse({ n: 1, best_of: 2, stream: true })).toMatchObject({ param: 'best_of' });
  });

  const mean = (values: readonly (number | null)[]) =>
    values.reduce<number>((sum, value) => sum + (value ?? Number.NaN), 0) / values.length;
});

describe('stream_options', () => {
  it.each([{ include_usage: true }, { include_usage: false }, { include_usage: null }, {}])(
    'changes nothing without a stream: %j',
    async (stream_options) => {
      expect((await complete({ stream_options })).choices).toEqual((await complete()).choices);
    },
  );

  it('adds the usage in a final chunk without choices, and null to all others', async () => {
    const request = toRequest({ stream_options: { include_usage: true } });
    const chunks = await server.stream<CompletionChunk>(path, request);

    expect(chunks.slice(0, -1).map(({ usage }) => usage)).toEqual(chunks.slice(0, -1).map(() => null));
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: (await complete()).usage });
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('length');
  });

  it.each([
    {},
    { stream_options: {} },
    { stream_options: null },
    { stream_options: { include_usage: false } },
  ])('adds no usage by default: %j', async (fields) => {
    const chunks = await server.stream<CompletionChunk>(path, toRequest(fields));

    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length');
  });
});

describe('a prompt', () => {
  const prompts = [prompt, 'The opposite of hot is', 'One, two, three,'];

  it('of tokens is answered like its text', async () => {
    const { choices, usage } = await complete({ prompt: await tokenize(prompt) });

    expect({ choices, usage }).toMatchObject({
      choices: (await complete()).choices,
      usage: { prompt_tokens: promptTokens },
    });
  });

  it.each(['texts', 'tokens'])('may be a list of %s, each answered as alone', async (kind) => {
    const sent = kind === 'texts' ? prompts : await Promise.all(prompts.map(tokenize));
    const alone = [];
    for (const each of prompts)
      alone.push((await complete({ prompt: each, max_tokens: 4 })).choices[0]?.text);
    const batch = await complete({ prompt: sent, max_tokens: 4 });

    expect(batch.choices.map(({ text }) => text)).toEqual(alone);
    expect(batch.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    const counts = (await Promise.all(prompts.map(tokenize))).map(({ length }) => length);
    expect(batch.usage).toMatchObject({
      prompt_tokens: counts.reduce((sum, count) => sum + count, 0),
      completion_tokens: 12,
    });
  });

  it.each([{}, { n: 2, temperature: 1, seed: 5 }, { echo: true, logprobs: 0 }])(
    'may be a list in a streamed request: %j',
    async (fields) => {
      const request = { prompt: prompts.slice(0, 2), max_tokens: 4, ...fields };
      const whole = await complete(request);

      expect((await completeStreamed(request)).choices).toEqual(whole.choices);
      expect(whole.choices.map(({ index }) => index)).toEqual('n' in fields ? [0, 1, 2, 3] : [0, 1]);
    },
  );

  it.each([
    [[], 'prompt'],
    [[-1], 'prompt.0'],
    [[[-1]], 'prompt.0.0'],
    [[1.5], 'prompt.0'],
    [[[]], 'prompt.0'],
    [[999_999], 'prompt'],
    [[[1], [999_999]], 'prompt'],
    [[prompt, 5], 'prompt.1'],
    [null, 'prompt'],
    [{}, 'prompt'],
  ])('that is invalid is rejected: %j', async (invalid, param) => {
    expect(await refuse({ prompt: invalid })).toMatchObject({ param });
  });
});

describe('logit_bias', () => {
  it('forces a token with 100, and forbids tokens with -100', async () => {
    const [london = -1] = await tokenize(' London');
    const forced = await complete({ logit_bias: { [london]: 100 }, max_tokens: 5, seed: 42 });
    const plain = await textOf();
    const tokens = await tokenize(plain ?? '');
    const forbidden = await complete({
      logit_bias: Object.fromEntries(tokens.map((token) => [token, -100])),
      return_tokens: true,
    });

    expect(forced.choices[0]?.text).toBe(' London'.repeat(5));
    expect(forbidden.choices[0]?.tokens?.filter((token) => tokens.includes(token))).toEqual([]);
    expect(forbidden.choices[0]?.text).not.toBe(plain);
  });

  it('restricts sampling to the forced tokens, and the seed chooses between them', async () => {
    const allowed = [...(await tokenize(' red green blue'))];
    const logit_bias = Object.fromEntries(allowed.map((token) => [token, 100]));
    const draw = (seed: number) =>
      complete({ logit_bias, temperature: 2, seed, max_tokens: 8, return_tokens: true });
    const drawn = [await draw(1), await draw(2), await draw(1)].map(({ choices }) => choices[0]?.tokens);

    expect(drawn.flat().every((token) => allowed.includes(token ?? -1))).toBe(true);
    expect(drawn[0]).toEqual(drawn[2]);
    expect(drawn[0]).not.toEqual(drawn[1]);
  });

  it.each([{ 999999: 1 }, { 5: true }, { '-1': 1 }, { 5: '1' }])('is rejected: %j', async (logit_bias) => {
    expect(await refuse({ logit_bias })).toMatchObject({ param: /^logit_bias/ });
  });
});

describe('the seed', () => {
  const draw = (seed?: number) => textOf({ temperature: 1, ...(seed !== undefined && { seed }) });

  it('determines the text', async () => {
    const texts = [];
    for (const seed of [0, 1, 2, 3]) texts.push(await draw(seed));

    expect(new Set(texts).size).toBe(4);
    expect(await draw(2)).toBe(texts[2]);
    expect(await draw(2 ** 32 + 2)).toBe(texts[2]);
    expect(await draw(-(2 ** 32) + 2)).toBe(texts[2]);
  });

  it.each([undefined, -1])('is random for %j', async (seed) => {
    expect(new Set([await draw(seed), await draw(seed), await draw(seed)]).size).toBeGreaterThan(1);
  });

  it.each([1.5, '1', 2 ** 65])('is rejected: %j', async (seed) => {
    expect(await refuse({ seed })).toMatchObject({ param: 'seed' });
  });
});

describe('a stop string', () => {
  const story = 'One, two, three, four,';

  it.each([
    ['at a token', ' seven'],
    ['within a token', 'eve'],
    ['over several tokens', 'x, se'],
    ['at the first token', ' five'],
  ])('ends the text before the stop string: %s', async (_, stop) => {
    const free = await textOf({ prompt: story, max_tokens: 10 });
    const request = { prompt: story, max_tokens: 10, stop };
    const { choices, usage } = await complete(request);

    expect(free).toContain(stop);
    expect(choices[0]).toMatchObject({ text: free?.split(stop)[0], finish_reason: 'stop' });
    expect(usage.completion_tokens).toBeLessThan(10);
    expect(await completeStreamed(request)).toMatchObject({
      choices,
      usage: { completion_tokens: usage.completion_tokens },
    });
  });

  it('may be one of several, and has no effect when it is not generated', async () => {
    const free = await textOf({ prompt: story, max_tokens: 10 });

    expect(await textOf({ prompt: story, max_tokens: 10, stop: ['eight', ' six'] })).toBe(
      free?.split(' six')[0],
    );
    expect((await complete({ prompt: story, max_tokens: 10, stop: 'zebra' })).choices).toMatchObject([
      { text: free, finish_reason: 'length' },
    ]);
  });

  it.each([[Array(257).fill('x')], [5], [[5]]])('is rejected: %j', async (stop) => {
    expect(await refuse({ stop })).toMatchObject({ param: /^stop/ });
  });
});

describe('the context', () => {
  it.each([6, 7, 1_000_000, -1])('is filled to its last token by max_tokens of %i', async (max_tokens) => {
    const tokens = Array(250).fill((await tokenize(' word'))[0]);
    const full = await complete({ prompt: tokens, max_tokens, ignore_eos: true });

    expect(full.usage).toMatchObject({ prompt_tokens: 250, completion_tokens: 6, total_tokens: contextSize });
    expect(full.choices).toMatchObject([{ finish_reason: 'length' }]);
  });

  it('has no room for a prompt that exceeds it', async () => {
    const { length } = await tokenize(`${prompt} `.repeat(60));

    for (const fields of [{ max_tokens: 0 }, { max_tokens: 1 }, { stream: true }, { cache_prompt: false }]) {
      expect(await refuse({ prompt: `${prompt} `.repeat(60), ...fields })).toMatchObject({
        code: 'context_length_exceeded',
        param: 'prompt',
        message: new RegExp(`${length} for the prompt`),
      });
    }
  });

  it.each([-2, 1.5, '8'])('rejects max_tokens of %j', async (max_tokens) => {
    expect(await refuse({ max_tokens })).toMatchObject({ param: 'max_tokens' });
  });

  it('is filled with 16 generated tokens by default, and with none for max_tokens 0', async () => {
    const { body } = await server.post<Completion>(path, { prompt, ignore_eos: true });

    expect(body.usage).toMatchObject({ prompt_tokens: promptTokens, completion_tokens: 16 });
    expect(await complete({ max_tokens: 0 })).toMatchObject({
      choices: [{ text: '', finish_reason: 'length' }],
    });
  });
});

describe('the cache', () => {
  it('has all that a prompt and its answer begin with', async () => {
    const tokens = (await tokenize('The sun rose over a quiet town by the sea. '.repeat(12))).slice(0, 74);
    const first = await complete({ prompt: tokens, cache_prompt: false, return_tokens: true });
    const next = await complete({
      prompt: [...tokens, ...(first.choices[0]?.tokens ?? []), ...tokens.slice(0, 5)],
    });

    // The last token of the answer was chosen and never evaluated.
    expect(next.timings).toMatchObject({ cache_n: 81, prompt_n: 6 });
  });

  it.each([
    ['with greedy sampling', { temperature: 0 }],
    ['at temperature 1', { temperature: 1, seed: 9 }],
  ])('by the exact rule changes the token counts but not the text: %s', async (_, sampling) => {
    // 64 tokens are a whole block, which the cache can reuse. The other 10 are evaluated again.
    const tokens = (await tokenize('One fine day a fox met a hen by the river. '.repeat(12))).slice(0, 74);
    const ask = (fields: object) =>
      complete({ prompt: tokens, cache_prompt: 'exact', ...sampling, ...fields });
    const cold = await ask({ cache_prompt: false });
    const warm = await ask({});
    const continued = await ask({ prompt: [...tokens.slice(0, 70), ...tokens.slice(0, 30)] });
    const again = await ask({ cache_prompt: false });

    expect(cold.timings).toMatchObject({ cache_n: 0, prompt_n: 74, predicted_n: 8 });
    expect(warm.timings).toMatchObject({ cache_n: 64, prompt_n: 10, predicted_n: 8 });
    expect(warm.usage).toMatchObject({ prompt_tokens: 74, prompt_tokens_details: { cached_tokens: 64 } });
    expect(continued.timings).toMatchObject({ cache_n: 64, prompt_n: 36 });
    expect(again.timings).toMatchObject({ cache_n: 0, prompt_n: 74 });
    expect([warm, again].map(({ choices }) => choices)).toEqual([cold.choices, cold.choices]);
  });

  it('is counted correctly for prompts and answers of any length', async () => {
    const text = await tokenize('A hen told the fox of a boat that nobody had ever seen. '.repeat(20));
    for (const [length, max_tokens] of [
      [40, 3],
      [129, 1],
      [33, 8],
      [200, 2],
      [32, 5],
      [131, 4],
    ] as const) {
      const { usage, timings } = await complete({
        prompt: text.slice(0, length),
        max_tokens,
        ignore_eos: true,
      });

      expect(timings.cache_n + timings.prompt_n).toBe(length);
      expect(usage).toEqual({
        prompt_tokens: length,
        completion_tokens: max_tokens,
        total_tokens: length + max_tokens,
        prompt_tokens_details: { cached_tokens: timings.cache_n },
      });
    }
  });
});

describe('a field of llama-server', () => {
  it('return_tokens returns the tokens of the text, streamed too', async () => {
    const whole = await complete({ return_tokens: true });
    const { body } = await server.post<{ content: string }>('/detokenize', {
      tokens: whole.choices[0]?.tokens ?? [],
    });

    expect(whole.choices[0]?.tokens).toHaveLength(8);
    expect(body.content).toBe(whole.choices[0]?.text);
    expect((await completeStreamed({ return_tokens: true })).choices).toEqual(whole.choices);
    expect((await complete()).choices[0]).not.toHaveProperty('tokens');
  });

  it('return_tokens returns every counted token, including the one that ends the text', async () => {
    const request = { grammar: 'root ::= " yes"', return_tokens: true };
    const plain = await complete(request);
    const scored = await complete({ ...request, logprobs: 0 });

    expect(plain).toMatchObject({ choices: [{ text: ' yes', finish_reason: 'stop' }], usage: scored.usage });
    expect(scored.choices[0]?.tokens).toHaveLength(scored.usage.completion_tokens);
    expect(plain.choices[0]?.tokens).toEqual(scored.choices[0]?.tokens);
  });

  it('timings_per_token adds the timings so far to each chunk', async () => {
    const chunks = await server.stream<CompletionChunk>(
      path,
      toRequest({ timings_per_token: true, cache_prompt: false }),
    );

    expect(chunks.map(({ timings }) => timings?.predicted_n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8]);
    for (const { timings } of chunks.slice(1)) {
      expect(timings).toMatchObject({ prompt_n: promptTokens, cache_n: 0 });
      expect(timings?.prompt_per_second).toBeGreaterThan(0);
      expect(timings?.predicted_per_second).toBeGreaterThan(0);
    }
    const plain = await server.stream<CompletionChunk>(path, toRequest({}));
    expect(plain.slice(0, -1).some(({ timings }) => timings !== undefined)).toBe(false);
    expect(plain.at(-1)?.timings?.predicted_n).toBe(8);
  });

  it('t_max_predict_ms ends a text in time, without reporting a deadline', async () => {
    const { choices, timings } = await complete({ t_max_predict_ms: 1, max_tokens: 200, ignore_eos: true });

    expect(choices).toMatchObject([{ finish_reason: 'length' }]);
    expect(timings.predicted_n).toBeLessThan(200);
    expect(timings).not.toHaveProperty('deadline');
  });

  it.each(['id_slot', 'n_keep', 'response_fields', 'allowed_token_ids', 'n_ctx'])(
    'that only other servers have changes nothing: %s',
    async (field) => {
      expect((await complete({ [field]: 1 })).choices).toEqual((await complete()).choices);
    },
  );
});
