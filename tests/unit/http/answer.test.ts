import { afterEach, describe, expect, it, type Mock, vi } from 'vitest';
import type { EmbeddingAbility } from '../../../src/engine/embedder.ts';
import { EngineBusyError, type GenerationEvent } from '../../../src/engine/engine.ts';
import type { RequestContext } from '../../../src/generation/context.ts';
import { answer } from '../../../src/http/answer.ts';
import { readApiKeySource } from '../../../src/http/api-key.ts';
import { Cors } from '../../../src/http/cors.ts';
import { type HttpResponse, toWholeResponse } from '../../../src/http/http.ts';
import { RateLimit } from '../../../src/http/rate-limit.ts';
import type { Service } from '../../../src/http/service.ts';
import { TokenBudget } from '../../../src/http/token-budget.ts';
import { consoleLog } from '../../../src/telemetry/log.ts';
import { createMetrics } from '../../../src/telemetry/server-metrics.ts';
import { FakeEmbedder } from '../api/fake-embedder.ts';
import { model, toContext } from '../api/fake-service.ts';
import { templates } from '../chat/templates.ts';
import { BrokenEngine, FakeEngine } from '../fake-engine.ts';

const log = vi.fn();
afterEach(() => void log.mockReset());

const hi = { messages: [{ role: 'user', content: 'Hi' }] };

interface RequestOptions {
  /** An object is sent as JSON, a string unchanged. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly service?: Partial<Service>;
  readonly context?: Partial<RequestContext>;
}

async function ask(
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<HttpResponse<string>> {
  const { body = '', headers = {}, service, context } = options;
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const fullService = { engine: new FakeEngine(), model, chatTemplate: templates.chatMl, ...service };
  const http = { method, path, headers, body: bytes };
  return toWholeResponse(
    await answer(http, fullService, toContext({ log: { ...consoleLog, error: log }, ...context })),
  );
}

async function askJson(method: string, path: string, options: RequestOptions = {}) {
  const { status, body } = await ask(method, path, options);
  return { status, body: JSON.parse(body) };
}

describe('answer', () => {
  it.each([
    ['POST', '/v1/completions', { prompt: 'Hi' }, { object: 'text_completion' }],
    ['POST', '/v1/chat/completions', { model, ...hi }, { object: 'chat.completion' }],
    ['POST', '/apply-template', hi, { prompt: '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n' }],
    ['GET', '/v1/models', '', { object: 'list', data: [{ id: model, meta: { n_ctx: 64 } }] }],
    ['GET', `/v1/models/${model}`, '', { object: 'model', id: model, owned_by: 'gguf-lambda' }],
    ['GET', '/health', '', { status: 'ok', model_loaded: true, model, context_size: 64 }],
    ['GET', '/props', '', { total_slots: 1, model_alias: model, default_generation_settings: { n_ctx: 64 } }],
    [
      'GET',
      '/tokenizer_info',
      '',
      { bos_token: null, eos_token: null, chat_template: templates.chatMl.source, add_bos_token: false },
    ],
  ])('answers %s %s', async (method, path, body, expected) => {
    expect(await askJson(method, path, { body })).toMatchObject({ status: 200, body: expected });
  });

  it.each([
    ['GET', '/v1/completions', 405, 'method_not_allowed', 'POST'],
    ['POST', '/v1/models', 405, 'method_not_allowed', 'GET, HEAD'],
    ['DELETE', '/v1/models/fake-1b', 405, 'method_not_allowed', 'GET, HEAD'],
    ['CONSTRUCTOR', '/v1/models', 405, 'method_not_allowed', 'GET, HEAD'],
    ['constructor', '/v1/models', 405, 'method_not_allowed', 'GET, HEAD'],
    ['POST', '/', 405, 'method_not_allowed', 'GET, HEAD'],
    ['POST', '/v2/completions', 404, 'unknown_url', undefined],
    ['GET', '/v1/models/{id}', 404, 'model_not_found', undefined],
    ['GET', 'constructor', 404, 'unknown_url', undefined],
    ['GET', '/__proto__', 404, 'unknown_url', undefined],
  ])('rejects %s %s with %i', async (method, path, status, code, allow) => {
    const answer = await ask(method, path);

    expect(answer).toMatchObject({ status, headers: { 'x-request-id': 'a1-b2' } });
    expect(answer.headers.allow).toBe(allow);
    expect(JSON.parse(answer.body).error.code).toBe(code);
    expect(log).not.toHaveBeenCalled();
  });
});

describe("an error of a path that has no endpoint, or another API's", () => {
  const version = { 'anthropic-version': '2023-06-01' };

  it.each<[string, string, Record<string, string>]>([
    ['GET', '/v1/models/claude', version],
    ['POST', '/v1/messages/batches', {}],
    ['POST', '/proxy/v1/messages/batches', {}],
    ['GET', '/v1/files', version],
    ['GET', '/v1/messages', {}],
  ])("is in Anthropic's form: %s %s %j", async (method, path, headers) => {
    const answer = await ask(method, path, { headers });

    expect(answer.headers).toMatchObject({ 'x-request-id': 'a1-b2', 'request-id': 'a1-b2' });
    expect(JSON.parse(answer.body)).toMatchObject({
      type: 'error',
      error: { type: expect.stringMatching(/^(not_found|invalid_request)_error$/) },
      request_id: 'a1-b2',
    });
  });

  it.each(['/api/blobs/sha256:a', '/v1/api/nothing', '/api/chat'])(
    "is in Ollama's form: %s",
    async (path) => {
      const { headers, body } = await ask('GET', path, { headers: version });

      expect(JSON.parse(body)).toEqual({ error: expect.any(String) });
      expect(headers).not.toHaveProperty('request-id');
    },
  );

  it.each(['/v1/chat/completions', '/completion', '/llm/v1/responses/', '/v1/health', '/'])(
    "is in OpenAI's form, whatever the client: %s",
    async (path) => {
      const { headers, body } = await ask('PATCH', path, { headers: version });

      expect(JSON.parse(body)).toMatchObject({ error: { code: 'method_not_allowed' } });
      expect(headers).not.toHaveProperty('request-id');
    },
  );
});

describe('a chat template that fails', () => {
  it('is a failure of the server, whose reason is logged', async () => {
    const service = { chatTemplate: templates.broken };

    expect(await askJson('POST', '/v1/chat/completions', { body: hi, service })).toMatchObject({
      status: 500,
      body: { error: { code: 'server_error', param: null } },
    });
    expect(log).toHaveBeenCalledOnce();
    expect(JSON.stringify(log.mock.calls)).toContain('BrokenTemplateError');
  });
});

describe('HEAD', () => {
  it('is answered like GET, without the body', async () => {
    const { headers } = await ask('GET', '/health');

    expect(await ask('HEAD', '/health')).toEqual({ status: 200, headers, body: '' });
    expect(await ask('HEAD', '/v1/completions')).toMatchObject({ status: 405, body: '' });
    expect(await ask('HEAD', '/nowhere')).toMatchObject({ status: 404, body: '' });
  });
});

describe('GET /v1/models/{id}', () => {
  it.each([
    ['org/model', '/v1/models/org/model'],
    ['org/model', '/v1/models/org%2Fmodel'],
    ['org/model', '/v1/models/org%2fmodel'],
    ['a b', '/v1/models/a%20b'],
    ['100%', '/v1/models/100%'],
  ])('finds %s at %s', async (name, path) => {
    expect(await askJson('GET', path, { service: { model: name } })).toMatchObject({
      status: 200,
      body: { id: name },
    });
  });

  it('rejects the name of another model with 404', async () => {
    expect(await askJson('GET', '/v1/models/gpt-4')).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_found', message: expect.stringContaining("'fake-1b'") } },
    });
  });
});

const manyFields = Object.fromEntries(Array.from({ length: 40_000 }, (_, key) => [key, 1]));

describe('the body of a request', () => {
  it.each([
    ['application/json', 200],
    ['Application/JSON; charset=utf-8', 200],
    ['application/vnd.api+json', 200],
    ['text/plain', 200],
    // As `curl -d` sends it.
    ['application/x-www-form-urlencoded', 200],
  ])('with the content-type %s is answered with %i', async (type, status) => {
    const headers = { 'content-type': type };

    expect(await ask('POST', '/v1/completions', { body: { prompt: 'Hi' }, headers })).toMatchObject({
      status,
    });
  });

  it.each([
    ['application/x-www-form-urlencoded', 'prompt=Hi', 415, 'unsupported_media_type'],
    ['text/plain', 'Hi', 415, 'unsupported_media_type'],
    ['application/json', '{"prompt": ', 400, 'invalid_json'],
    // A page of another origin sends these without asking first.
    ['text/plain', '{"prompt": "Hi"}', 415, 'unsupported_media_type', 'https://page.example'],
  ])('with the content-type %s and %j is rejected', async (type, body, status, code, origin = '') => {
    const headers = { 'content-type': type, ...(origin !== '' && { origin }) };

    expect(await askJson('POST', '/v1/completions', { body, headers })).toMatchObject({
      status,
      body: { error: { code } },
    });
  });

  it.each([
    ['', 'invalid_json', 400],
    ['{"prompt": ', 'invalid_json', 400],
    ['[]', 'invalid_value', 400],
    ['7', 'invalid_value', 400],
    [`{"prompt": "${'a'.repeat(4 * 2 ** 20)}"}`, 'request_too_large', 413],
  ])('%.20s is rejected with %s', async (body, code, status) => {
    for (const path of [
      '/v1/completions',
      '/v1/chat/completions',
      '/tokenize',
      '/detokenize',
      '/apply-template',
    ])
      expect(await askJson('POST', path, { body })).toMatchObject({ status, body: { error: { code } } });
  });

  it.each([
    ['messages', { model, messages: Array(120_000).fill({ role: 'user', content: '' }) }],
    ['wrong messages', { model, messages: Array(200_000).fill({ role: 'user' }) }],
    ['wrong parts', { model, messages: [{ role: 'user', content: Array(200_000).fill({ type: 'text' }) }] }],
    [
      'wrong biases',
      {
        model,
        ...hi,
        logit_bias: Object.fromEntries(Array.from({ length: 200_000 }, (_, key) => [`x${key}`, 1])),
      },
    ],
    ['tools', { model, ...hi, tools: Array(20_000).fill({ type: 'function', function: { name: 'a' } }) }],
    ['one long message', { model, messages: [{ role: 'user', content: 'a'.repeat(4_000_000) }] }],
  ])('with 4 MiB of %s is rejected with 400', async (_, body) => {
    expect(await askJson('POST', '/v1/chat/completions', { body })).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error' } },
    });
    expect(log).not.toHaveBeenCalled();
  });

  it.each([
    ['/v1/chat/completions', { ...hi, logit_bias: manyFields }],
    ['/v1/chat/completions', { ...hi, logit_bias: Array(40_000).fill([5, 1]) }],
    ['/v1/chat/completions', { messages: Array(2049).fill({ role: 5 }) }],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: Array(8193).fill(5) }] }],
    ['/apply-template', { messages: [{ role: 'user', content: Array(8193).fill(5) }] }],
    ['/v1/responses', { input: [{ role: 'user', content: Array(8193).fill(5) }] }],
    ['/v1/responses', { input: 'Hi', metadata: manyFields }],
    ['/v1/messages', { max_tokens: 1, messages: Array(2049).fill({ role: 5 }) }],
    ['/v1/messages', { max_tokens: 1, messages: [{ role: 'user', content: Array(8193).fill(5) }] }],
    ['/v1/messages/count_tokens', { messages: [{ role: 'user', content: Array(8193).fill(5) }] }],
    ['/v1/completions', { prompt: Array(40_000).fill('Hi') }],
    ['/v1/embeddings', { input: Array(40_000).fill('Hi') }],
    ['/detokenize', { tokens: Array(131_073).fill(5) }],
    ['/tokenize', { content: 'a'.repeat(32_769), with_pieces: true }],
    ['/tokenize', { content: 'a'.repeat(32_769), return_token_strs: true }],
  ])('of %s is rejected with the limit of what would hold up the others', async (path, body) => {
    const service = { engine: new FakeEngine('', { contextSize: 32_768 }) };
    const { status, body: answered } = await ask('POST', path, { body, service });

    expect(status).toBe(400);
    expect(answered).toMatch(/at most (2048|8192|32768|131072)\b/);
  });

  it('with deeply nested arrays is rejected with 400', async () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const bodies = [
      `{"model": "${model}", "messages": ${deep}}`,
      `{"model": "${model}", "messages": [{"role": "user", "content": "Hi"}], "chat_template_kwargs": {"a": ${deep}}}`,
      `{"model": "${model}", "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "a", "parameters": {"a": ${deep}}}}]}`,
      `{"model": "${model}", "messages": [{"role": "user", "content": "Hi"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"a": ${deep}}}}}`,
    ];

    for (const body of bodies)
      expect(await ask('POST', '/v1/chat/completions', { body })).toMatchObject({ status: 400 });
    expect(log).not.toHaveBeenCalled();
  });

  it.each([
    ['/v1/responses', '{"input": "Hi", "metadata": DEEP}'],
    ['/v1/responses', '{"input": [{"type": "function_call_output", "call_id": "a", "output": DEEP}]}'],
    [
      '/v1/decisions',
      `{"input": [{"role": "user", "content": [{"type": "input_json", "data": DEEP}]}],
        "questions": [{"type": "predicate", "instructions": "Is it so?"}]}`,
    ],
    [
      '/v1/decisions',
      `{"input": "Hi",
        "questions": [{"type": "predicate", "instructions": [{"type": "input_json", "data": DEEP}]}]}`,
    ],
    ['/v1/messages', '{"max_tokens": 1, "messages": [{"role": "user", "content": DEEP}]}'],
    ['/v1/embeddings', '{"input": DEEP}'],
    ['/v1/rerank', '{"query": "a", "documents": DEEP}'],
    ['/tokenize', '{"content": DEEP}'],
    ['/completion', '{"prompt": DEEP}'],
    ['/infill', '{"input_prefix": "a", "input_suffix": "b", "input_extra": DEEP}'],
    ['/api/chat', '{"model": "a", "messages": [{"role": "user", "content": "Hi"}], "format": DEEP}'],
    ['/api/embed', '{"model": "a", "input": DEEP}'],
  ])('of %s with a deeply nested field is rejected with 400: %s', async (path, json) => {
    const body = json.replace('DEEP', `${'{"a": ['.repeat(20_000)}${']}'.repeat(20_000)}`);

    expect(await ask('POST', path, { body })).toMatchObject({ status: 400 });
    expect(log).not.toHaveBeenCalled();
  });
});

describe('a streamed answer', () => {
  it.each([
    ['/v1/completions', { prompt: 'Hi', stream: true }],
    ['/v1/chat/completions', { model, ...hi, stream: true }],
  ])('of %s consists of server-sent events and ends with [DONE]', async (path, body) => {
    const { status, headers, body: text } = await ask('POST', path, { body });

    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
    expect(text).toMatch(/^(?:data: \{.*\}\n\n)+data: \[DONE\]\n\n$/);
  });

  it('that does not match its schema ends with an error event', async () => {
    const engine = new FakeEngine('{"a": ');
    const body = { prompt: 'Hi', stream: true, json_schema: { type: 'object' } };
    const { body: text } = await ask('POST', '/v1/completions', { body, service: { engine } });

    expect(text).toMatch(/event: error\ndata: \{"error":\{.*"code":"invalid_output"\}\}\n\n$/);
    expect(text).not.toContain('[DONE]');
    expect(engine.open).toBe(0);
  });
});

describe('an unexpected failure', () => {
  it('is logged, and answered with 500 without its reason', async () => {
    const service = { engine: new BrokenEngine() };
    const { status, body } = await askJson('POST', '/v1/completions', { body: { prompt: 'Hi' }, service });

    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain('fire');
    expect(log).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ message: expect.stringContaining('fire') }),
    );
  });

  it('is not logged after the client has disconnected', async () => {
    const body = { prompt: 'Hi' };
    const { status } = await ask('POST', '/v1/completions', {
      body,
      context: { signal: AbortSignal.abort(new Error('disconnected')) },
    });

    expect(status).toBe(500);
    expect(log).not.toHaveBeenCalled();
  });
});

describe('a rate limit', () => {
  it('counts the requests of each key, but at /health', async () => {
    const apiKey = readApiKeySource({ API_KEYS: 'one,other' });
    const service = { apiKey, rateLimit: new RateLimit(1) };
    const context = { tenant: '' };
    const list = async (key: string) =>
      (await ask('GET', '/v1/models', { service, context, headers: { authorization: `Bearer ${key}` } }))
        .status;

    expect([await list('one'), await list('one'), await list('other')]).toEqual([200, 429, 200]);
    expect(await ask('GET', '/health', { service, context })).toMatchObject({ status: 200 });
  });

  it('counts all callers together where no key is asked for', async () => {
    const service = { rateLimit: new RateLimit(1) };
    const list = async (key: string) =>
      (
        await ask('GET', '/v1/models', {
          service,
          context: { tenant: '' },
          headers: { authorization: `Bearer ${key}` },
        })
      ).status;

    expect([await list('one'), await list('other')]).toEqual([200, 429]);
  });
});

describe('a budget of tokens', () => {
  const question = { type: 'predicate', instructions: 'It is.' };
  const embedding: EmbeddingAbility = { type: 'embed', dimensions: 4, matryoshka: false };
  const sumOf = ({ mock }: Mock<TokenBudget['spend']>) =>
    mock.calls.reduce((total, [, tokens]) => total + tokens, 0);
  const apiKey = readApiKeySource({ API_KEYS: 'one,other' });
  const context = { tenant: '' };

  it.each([
    ['/v1/completions', { prompt: 'Hello', n: 2 }],
    ['/v1/completions', { prompt: 'Hello', n: 2, stream: true }],
    ['/v1/chat/completions', { ...hi, n: 2 }],
    ['/completion', { prompt: 'Hello' }],
    ['/v1/decisions', { input: 'Hello', questions: [question] }],
  ])('counts what the usage of %s counts, for each key', async (path, body) => {
    const tokenBudget = new TokenBudget(10, 'day');
    const spend = vi.spyOn(tokenBudget, 'spend');
    const service = {
      apiKey,
      tokenBudget,
      engine: new FakeEngine(' Paris.', { slots: 2, contextSize: 400 }),
    };
    const post = (key: string, request: object) =>
      ask('POST', path, { service, context, body: request, headers: { authorization: `Bearer ${key}` } });
    const first = await post('one', body);
    const used = sumOf(spend);

    expect(first.status).toBe(200);
    const whole = 'stream' in body ? await post('other', { ...body, stream: false }) : first;
    const { usage, tokens_evaluated, tokens_predicted } = JSON.parse(whole.body);
    expect(used).toBe(usage?.total_tokens ?? tokens_evaluated + tokens_predicted);
    expect(await post('one', body)).toMatchObject({
      status: 429,
      headers: { 'retry-after': expect.any(String) },
    });
  });

  it.each<[string, EmbeddingAbility, object]>([
    ['/v1/embeddings', embedding, { input: 'Hello' }],
    ['/v1/rerank', { type: 'rank' }, { query: 'Hello', documents: ['Hi'] }],
  ])('counts the tokens of %s', async (path, ability, body) => {
    const service = { apiKey, tokenBudget: new TokenBudget(1, 'day'), embedder: new FakeEmbedder(ability) };
    const headers = { authorization: 'Bearer one' };
    const post = async () => (await ask('POST', path, { service, context, body, headers })).status;

    expect([await post(), await post()]).toEqual([200, 429]);
  });

  it.each([
    ['/v1/chat/completions', hi],
    ['/v1/completions', { prompt: ['Hello', 'Bye'] }],
    ['/v1/completions', { prompt: 'Hello', stream: true }],
    ['/v1/decisions', { input: 'Hello', questions: [question] }],
  ])('counts the input of %s %j when it is broken off before its first event', async (path, body) => {
    const client = new AbortController();
    const tokenBudget = new TokenBudget(10_000, 'day');
    const spend = vi.spyOn(tokenBudget, 'spend');
    const engine = new FakeEngine('Hello.', { contextSize: 400, beforeEvent: () => client.abort() });
    const service = { engine, tokenBudget };
    await ask('POST', path, { service, context: { ...context, signal: client.signal }, body });
    const { requests, branchRequests } = engine;
    const branches = branchRequests.flatMap((request) => request.branches);
    const inputs = [...requests, ...branchRequests].map(({ prompt }) => prompt);
    const evaluated = [...inputs, ...branches.map(({ tokens }) => tokens)].flat();

    expect(evaluated.length).toBeGreaterThan(0);
    expect(sumOf(spend)).toBe(evaluated.length);
  });

  it.each<[string, EmbeddingAbility, object, number]>([
    ['/v1/embeddings', embedding, { input: ['Hello', 'Bye'] }, 5],
    ['/v1/rerank', { type: 'rank' }, { query: 'Hello', documents: ['Hi', 'No'] }, 7],
  ])('counts the texts of %s that were begun when it is broken off', async (path, ability, body, used) => {
    const client = new AbortController();
    const tokenBudget = new TokenBudget(10_000, 'day');
    const spend = vi.spyOn(tokenBudget, 'spend');
    const embedder = new FakeEmbedder(ability);
    embedder.isEndless = true;
    setTimeout(() => client.abort(), 5);
    const service = { tokenBudget, embedder };
    await ask('POST', path, { service, context: { ...context, signal: client.signal }, body });

    expect(sumOf(spend)).toBe(used);
  });

  it('does not count what the engine refuses', async () => {
    const tokenBudget = new TokenBudget(10_000, 'day');
    const spend = vi.spyOn(tokenBudget, 'spend');
    const refuse = () => {
      throw new EngineBusyError(64);
    };
    const engine = new FakeEngine('Hello.', { contextSize: 400, beforeEvent: refuse });
    const service = { engine, tokenBudget, chatTemplate: templates.chatMl };
    for (const [path, body] of [
      ['/v1/chat/completions', hi],
      ['/v1/decisions', { input: 'Hello', questions: [question] }],
    ] as const)
      expect(await ask('POST', path, { service, context, body })).toMatchObject({ status: 429 });

    expect(spend).not.toHaveBeenCalled();
  });

  it('counts the tokens of a stream that its client breaks off', async () => {
    const tokenBudget = new TokenBudget(1000, 'day');
    const spend = vi.spyOn(tokenBudget, 'spend');
    const service = { engine: new FakeEngine(), model, tokenBudget };
    const http = {
      method: 'POST',
      path: '/v1/completions',
      headers: {},
      body: Buffer.from('{"prompt":"Hello","stream":true}'),
    };
    const { body } = await answer(http, service, toContext(context));
    if (typeof body === 'string') throw new Error(body);
    const stream = body[Symbol.asyncIterator]();
    await stream.next();
    await stream.return?.();

    expect(sumOf(spend)).toBeGreaterThanOrEqual(6);
  });
});

describe('the API key', () => {
  const service = { apiKey: readApiKeySource({ API_KEY: 'right' }) };

  it.each(['/v1/models', '/openapi.json', '/metrics', '/nowhere'])('is required at %s', async (path) => {
    expect(await ask('GET', path, { service })).toMatchObject({ status: 401 });
    for (const headers of [{ authorization: 'Bearer right' }, { 'x-api-key': 'right' }] as Record<
      string,
      string
    >[])
      expect(await ask('GET', path, { service, headers })).not.toMatchObject({ status: 401 });
  });

  it('is checked before the body of a request is logged', async () => {
    const transcript = { asked: vi.fn(), wrote: vi.fn() };
    const body = { prompt: 'Hi' };
    const withLog = { service, context: { transcript } };
    await ask('POST', '/v1/completions', { ...withLog, body });
    await ask('GET', '/health', withLog);
    expect(transcript.asked).not.toHaveBeenCalled();

    await ask('POST', '/v1/completions', {
      ...withLog,
      body,
      headers: { authorization: 'Bearer right' },
    });
    expect(transcript.asked).toHaveBeenCalledExactlyOnceWith(Buffer.from(JSON.stringify(body)));
  });

  it('is not required at /health, which tells no more than the model, its context and its age', async () => {
    const { status, body } = await askJson('GET', '/health', { service });

    expect(status).toBe(200);
    expect(Object.keys(body as object).sort()).toEqual([
      'cold_start',
      'context_size',
      'model',
      'model_loaded',
      'status',
      'uptime_seconds',
    ]);
  });
});

describe('the metrics', () => {
  it('count requests by route and status, and their tokens', async () => {
    const engine = new FakeEngine(' Paris.', { slots: 2 });
    const metrics = createMetrics(engine);
    const options = { service: { engine }, context: { metrics } };
    await ask('POST', '/v1/completions', { ...options, body: { prompt: 'Hello', n: 2 } });
    await ask('POST', '/v1/completions', { ...options, body: {} });
    await ask('GET', '/v1/models/org%2Fother', options);
    await ask('GET', '/somewhere/private', options);
    const { status, headers, body } = await ask('GET', '/metrics', options);

    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/plain/);
    for (const line of [
      'gguf_lambda_requests_total{path="/v1/completions",status="200"} 1',
      'gguf_lambda_requests_total{path="/v1/completions",status="400"} 1',
      'gguf_lambda_requests_total{path="/v1/models/{id}",status="404"} 1',
      'gguf_lambda_requests_total{path="unknown",status="404"} 1',
      'gguf_lambda_prompt_tokens_total 4',
      'gguf_lambda_cached_tokens_total 6',
      'gguf_lambda_completion_tokens_total 14',
      'gguf_lambda_generations_running 0',
    ])
      expect(body.split('\n')).toContain(line);
    expect(body).not.toMatch(/Hello|Paris|private|other/);
  });

  it('count a preflight', async () => {
    const engine = new FakeEngine();
    const metrics = createMetrics(engine);
    const options = { service: { engine, cors: Cors.parse('*') }, context: { metrics } };
    const headers = { origin: 'https://chat.example.com', 'access-control-request-method': 'POST' };
    await ask('OPTIONS', '/v1/completions', { ...options, headers });

    expect((await metrics.expose()).text).toContain(
      'gguf_lambda_requests_total{path="/v1/completions",status="204"} 1',
    );
  });

  it('count a request whose client disconnected with the status 499', async () => {
    const engine = new FakeEngine();
    const metrics = createMetrics(engine);
    const context = { metrics, signal: AbortSignal.abort() };
    await ask('POST', '/v1/completions', { service: { engine }, context, body: { prompt: 'Hi' } });

    expect((await metrics.expose()).text).toContain(
      'gguf_lambda_requests_total{path="/v1/completions",status="499"} 1',
    );
    expect(log).not.toHaveBeenCalled();
  });

  it('count streams that failed after they had started', async () => {
    class LateFailure extends FakeEngine {
      override async *generate(): AsyncGenerator<GenerationEvent, void, void> {
        yield { type: 'text', text: 'Par', tokens: [] };
        throw new Error('late');
      }
    }
    const engine = new LateFailure();
    const metrics = createMetrics(engine);
    const body = { prompt: 'Hi', stream: true };
    await ask('POST', '/v1/completions', { service: { engine }, context: { metrics }, body });

    expect((await metrics.expose()).text).toContain(
      'gguf_lambda_broken_streams_total{path="/v1/completions"} 1',
    );
    expect(log).toHaveBeenCalledOnce();
  });

  it('are answered with 404 when nothing collects them', async () => {
    expect(await askJson('GET', '/metrics')).toMatchObject({
      status: 404,
      body: { error: { code: 'unknown_url', message: expect.stringContaining('CloudWatch') } },
    });
  });
});

describe('the conversations that a chat may go on with', () => {
  const arn = 'arn:aws:iam::111122223333:user/someone';

  async function tenantOf(tenant: string | undefined, authorization?: string, apiKey?: string) {
    const engine = new FakeEngine();
    await ask('POST', '/v1/chat/completions', {
      body: { model, ...hi },
      headers: { ...(authorization && { authorization }), ...(apiKey && { 'x-api-key': apiKey }) },
      service: { engine },
      context: { tenant },
    });
    return engine.requests[0]?.turn?.tenant;
  }

  it('are those of its key', async () => {
    const [one, again, other, none] = await Promise.all([
      tenantOf('', 'Bearer one'),
      tenantOf('', 'Bearer one'),
      tenantOf('', 'Bearer other'),
      tenantOf(''),
    ]);

    expect(one).toBe(again);
    expect(new Set([one, other, none]).size).toBe(3);
  });

  it('are the same for a key in another header', async () => {
    const one = await tenantOf('', 'Bearer one');

    expect(await tenantOf('', undefined, 'one')).toBe(one);
    expect(await tenantOf('', 'bearer  one', 'other')).toBe(one);
    expect(await tenantOf('', undefined, 'other')).not.toBe(one);
    expect(await tenantOf('', 'Basic one')).not.toBe(one);
  });

  it('are those of the caller that AWS knows, whatever the signature', async () => {
    const one = await tenantOf(arn, 'AWS4-HMAC-SHA256 Credential=a, Signature=1');

    expect(await tenantOf(arn, 'AWS4-HMAC-SHA256 Credential=a, Signature=2')).toBe(one);
    expect(await tenantOf(`${arn}-else`)).not.toBe(one);
    expect(await tenantOf('', arn)).not.toBe(one);
  });

  it('are none in a batch', async () => {
    expect(await tenantOf(undefined, 'Bearer one')).toBeUndefined();
  });
});
