// The other endpoints of a server, and simultaneous requests: tokens, templates, metrics, disconnects. The
// cases are those of llama-server's and vLLM's own tests.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Completion, CompletionChunk } from '../../src/api/completions/completion.ts';
import type { DetokenizeAnswer, TokenizeAnswer } from '../../src/api/tokens/tokens-request.ts';
import type { ErrorBody } from '../../src/errors/request-error.ts';
import { model, startTestServer, type TestServer } from './test-server.ts';

const slots = 2;
const contextSize = 512;

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ SLOTS: String(slots), CONTEXT_SIZE: String(contextSize) });
});

afterAll(async () => {
  await server.end();
});

const tokenize = async (request: object) => (await server.post<TokenizeAnswer>('/tokenize', request)).body;
const detokenize = async (tokens: readonly unknown[]) =>
  (await server.post<DetokenizeAnswer>('/detokenize', { tokens })).body;

async function complete(fields: object): Promise<Completion> {
  const request = { temperature: 0, max_tokens: 4, ...fields };
  const { status, body } = await server.post<Completion>('/v1/completions', request);
  expect({ status, body }).toMatchObject({ status: 200 });
  return body;
}

describe('tokens', () => {
  it.each([
    'What is the capital of France ?',
    '  two spaces,\ttabs\nand\r\nlines  ',
    'unicode 媽 and emoji 🤗 and e\u0301',
    '<|im_start|>user\nHi<|im_end|>',
    'nul \u0000 and \u007f',
  ])('of a text convert back to the text: %j', async (content) => {
    const { tokens, count, max_model_len } = await tokenize({ content });

    expect(tokens.length).toBe(count);
    expect(max_model_len).toBe(contextSize);
    expect(await detokenize(tokens)).toEqual({ content, prompt: content });
  });

  it('have pieces, and parts of characters are bytes', async () => {
    const content = 'a test with 媽 and 🤗';
    const { tokens } = await tokenize({ content, with_pieces: true });
    const pieces = tokens.map((token) => (typeof token === 'number' ? '' : token.piece));
    const ids = tokens.map((token) => (typeof token === 'number' ? token : token.id));

    expect(ids).toEqual((await tokenize({ content })).tokens);
    expect(pieces.every((piece) => piece.length > 0)).toBe(true);
    expect(pieces.some((piece) => typeof piece !== 'string')).toBe(true);
    const bytes = pieces.map((piece) => Buffer.from(piece as string));
    expect(Buffer.concat(bytes).toString()).toBe(content);
    expect((await tokenize({ prompt: content, return_token_strs: true })).token_strs).toHaveLength(
      ids.length,
    );
  });

  it('may be special tokens in a text, unless parse_special is false', async () => {
    const special = await tokenize({ content: '<|im_end|>' });
    const plain = await tokenize({ content: '<|im_end|>', parse_special: false });

    expect(special.count).toBe(1);
    expect(plain.count).toBeGreaterThan(1);
    expect((await detokenize(plain.tokens)).content).toBe('<|im_end|>');
  });

  it('of an empty text are none', async () => {
    expect(await tokenize({ content: '' })).toMatchObject({ tokens: [], count: 0 });
    expect(await detokenize([])).toEqual({ content: '', prompt: '' });
  });

  it('are as many as the usage counts', async () => {
    const prompt = 'A robot may not injure another robot';
    const { count } = await tokenize({ prompt });

    expect((await complete({ prompt, max_tokens: 1 })).usage.prompt_tokens).toBe(count);
  });

  it.each([
    ['/tokenize', {}, 'prompt'],
    ['/tokenize', { content: 'a', prompt: 'a' }, 'content'],
    ['/tokenize', { content: 5 }, 'content'],
    ['/tokenize', { content: 'a', model: 4 }, 'model'],
    ['/tokenize', { content: 'x'.repeat(1_000_000) }, 'content'],
    ['/detokenize', {}, 'tokens'],
    ['/detokenize', { tokens: ['a'] }, 'tokens.0'],
    ['/detokenize', { tokens: [-1] }, 'tokens.0'],
    ['/detokenize', { tokens: [999_999] }, 'tokens'],
  ])('are rejected: %s with an invalid request, %#', async (path, request, param) => {
    const { status, body } = await server.post<ErrorBody>(path, request);

    expect([400, 404]).toContain(status);
    expect(body.error).toMatchObject({ type: 'invalid_request_error', param });
  });
});

describe('POST /apply-template', () => {
  const ask = async (messages: unknown) =>
    server.post<{ prompt: string } & ErrorBody>('/apply-template', { messages });

  it('renders messages to a prompt without generating anything', async () => {
    const before = await server.metric('completion_tokens_total');
    const { body } = await ask([
      { role: 'system', content: 'You are a test.' },
      { role: 'user', content: 'Hi there' },
      { role: 'assistant', content: 'Hello' },
      { role: 'user', content: [{ type: 'text', text: 'Bye' }] },
    ]);

    expect(body.prompt).toBe(
      '<|im_start|>system\nYou are a test.<|im_end|>\n<|im_start|>user\nHi there<|im_end|>\n' +
        '<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n',
    );
    expect(await server.metric('completion_tokens_total')).toBe(before);
  });

  it.each([null, [], [{ role: 'user' }]])('rejects the messages %j', async (messages) => {
    expect(await ask(messages)).toMatchObject({ status: 400, body: { error: { param: /^messages/ } } });
  });
});

describe('the server', () => {
  it('describes itself', async () => {
    expect(await server.get('/props')).toMatchObject({
      status: 200,
      body: {
        default_generation_settings: { n_ctx: contextSize },
        total_slots: slots,
        model_alias: model.name,
        chat_template: expect.stringContaining('<|im_start|>'),
        eos_token: '<|im_end|>',
      },
    });
    expect(await server.get('/health')).toMatchObject({
      status: 200,
      body: { status: 'ok', model: model.name },
    });
    expect(await server.get('/tokenizer_info')).toMatchObject({ body: { model_max_length: contextSize } });
  });

  it('lists its only model, and answers 404 for any other', async () => {
    const listed = await server.get<{ data: unknown[] }>('/v1/models');

    expect(listed.body.data).toMatchObject([
      {
        id: model.name,
        object: 'model',
        meta: { n_ctx: contextSize, n_vocab: 49_152, size: expect.any(Number) },
      },
    ]);
    expect((await server.get(`/v1/models/${model.name}`)).body).toEqual(listed.body.data[0]);
    expect(await server.get('/v1/models/gpt-4')).toMatchObject({ status: 404 });
  });

  it('rejects unknown paths, wrong methods and invalid bodies', async () => {
    expect(await server.get('/v1/nothing')).toMatchObject({
      status: 404,
      body: { error: { code: 'unknown_url' } },
    });
    expect(await server.get('/v1/completions')).toMatchObject({ status: 405 });
    for (const [body, type, status] of [
      ['{', 'application/json', 400],
      ['', 'application/json', 400],
      ['Hi', 'text/plain', 415],
    ] as const) {
      const response = await fetch(`${server.origin}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      });
      expect({ status: response.status, body: await response.json() }).toMatchObject({
        status,
        body: { error: { type: 'invalid_request_error' } },
      });
    }
  });
});

describe('the metrics', () => {
  it('count prompt, cached and generated tokens exactly', async () => {
    const read = () =>
      Promise.all(
        [
          'prompt_tokens_total',
          'cached_tokens_total',
          'completion_tokens_total',
          'first_token_seconds_count',
        ].map(server.metric),
      );
    const { tokens } = await tokenize({ content: 'A sentence that two requests have in common. '.repeat(5) });
    const before = await read();
    const cold = await complete({ prompt: tokens, cache_prompt: false });
    const warm = await complete({ prompt: tokens });
    const after = await read();

    const differences = after.map((value, index) => value - (before[index] ?? 0));
    expect(warm.timings.cache_n).toBe(tokens.length - 1);
    expect(differences).toEqual([cold.timings.prompt_n + warm.timings.prompt_n, tokens.length - 1, 8, 2]);
  });

  it('are in the text format of Prometheus', async () => {
    const response = await fetch(`${server.origin}/metrics`);
    const text = await response.text();

    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toMatch(/^gguf_lambda_requests_total\{path="\/v1\/completions",status="200"\} \d+$/m);
    expect(text).toMatch(/^# TYPE gguf_lambda_tokens_per_second histogram$/m);
  });
});

describe('simultaneous requests', () => {
  const prompts = [
    'The capital of France is',
    'The capital of Italy is',
    'One, two, three, four,',
    'Monday, Tuesday, Wednesday,',
    'a b c d e f',
    'The opposite of hot is',
  ];

  it.each([2, 6])('are answered like single requests: %i on two slots', async (count) => {
    const chosen = prompts.slice(0, count);
    const alone = [];
    for (const prompt of chosen) alone.push((await complete({ prompt })).choices);
    const together = await Promise.all(chosen.map(async (prompt) => (await complete({ prompt })).choices));

    expect(together).toEqual(alone);
  });

  it('are streamed at the same time', async () => {
    const events: string[] = [];
    const ask = async (name: string) => {
      const stream = await server.client.completions.create({
        model: model.name,
        prompt: 'Once upon a time',
        // Long enough for both connections to be made meanwhile.
        max_tokens: 200,
        temperature: 0,
        stream: true,
      });
      for await (const { choices } of stream) events.push(`${name}: ${choices[0]?.text}`);
    };
    await Promise.all([ask('one'), ask('other')]);

    // Each stream starts before the other ends.
    const lastOf = (name: string) => events.findLastIndex((event) => event.startsWith(name));
    const firstOf = (name: string) => events.findIndex((event) => event.startsWith(name));
    expect(Math.max(firstOf('one'), firstOf('other'))).toBeLessThan(Math.min(lastOf('one'), lastOf('other')));
  });
});

describe('a client that disconnects', () => {
  const long = { prompt: 'Once upon a time', max_tokens: 400, temperature: 0, ignore_eos: true };
  const running = () => server.metric('generations_running');

  it.each([
    ['one choice', {}],
    ['several choices', { n: 4 }],
    ['best_of', { best_of: 3, logprobs: 1 }],
  ])('frees its slots before an answer: %s', async (_, fields) => {
    const client = new AbortController();
    const answer = server.post('/v1/completions', { ...long, ...fields }, client.signal);
    await expect.poll(running, { timeout: 30_000, interval: 20 }).toBeGreaterThan(0);
    client.abort();

    await expect(answer).rejects.toThrow(/abort/);
    await expect.poll(running, { timeout: 30_000, interval: 20 }).toBe(0);
    expect(await server.metric('generations_waiting')).toBe(0);
  });

  it('frees its slots within a stream of several choices', async () => {
    const stream = await server.client.completions.create({ model: model.name, ...long, n: 3, stream: true });
    for await (const chunk of stream as AsyncIterable<CompletionChunk>) {
      expect(chunk.choices[0]?.finish_reason).toBeNull();
      break;
    }

    await expect.poll(running, { timeout: 30_000, interval: 20 }).toBe(0);
    expect((await complete({ prompt: 'The capital of France is' })).choices[0]?.text).toMatch(/^ Paris/);
  });

  it('while it waits frees its place in the queue', async () => {
    const others = new AbortController();
    const occupying = [1, 2].map(() => server.post('/v1/completions', long, others.signal));
    await expect.poll(running, { timeout: 30_000, interval: 20 }).toBe(slots);
    const client = new AbortController();
    const waiting = server.post('/v1/completions', long, client.signal);
    await expect.poll(() => server.metric('generations_waiting'), { timeout: 30_000, interval: 20 }).toBe(1);
    client.abort();

    await expect(waiting).rejects.toThrow(/abort/);
    await expect.poll(() => server.metric('generations_waiting'), { timeout: 30_000, interval: 20 }).toBe(0);
    others.abort();
    await Promise.allSettled(occupying);
    await expect.poll(running, { timeout: 30_000, interval: 20 }).toBe(0);
  });
});
