import { afterEach, describe, expect, it, vi } from 'vitest';
import { readApiKeySource } from '../../../src/http/api-key.ts';
import { definePipeline } from '../../../src/lambda/completion-pipeline.ts';
import { eventNames, readEvent } from '../../events.ts';
import { templates } from '../chat/templates.ts';
import { BrokenEngine, FakeEngine } from '../fake-engine.ts';
import { fakeContext } from './fake-context.ts';
import { LongEmbedder, longRequest } from './long-embedder.ts';

const context = fakeContext();

function definePipelineOn(engine: FakeEngine) {
  const handler = definePipeline({ engine, model: 'fake-1b' });
  return (event: unknown) => handler(event, context) as Promise<Record<string, unknown>>;
}

interface HttpAnswer {
  statusCode: number;
  headers?: Record<string, string>;
  multiValueHeaders?: Record<string, string[]>;
  body: string;
}

async function invokeHttp(event: unknown, engine = new FakeEngine()): Promise<HttpAnswer> {
  return (await definePipelineOn(engine)(event)) as unknown as HttpAnswer;
}

afterEach(() => vi.restoreAllMocks());

describe("an HTTP event of Ollama's clients", () => {
  it('is answered with all lines of the stream at once', async () => {
    const event = readEvent('function-url') as object;
    const body = JSON.stringify({ prompt: 'Hi', raw: true, options: { num_predict: 1 } });
    const answer = await invokeHttp({ ...event, rawPath: '/api/generate', body, isBase64Encoded: false });

    expect(answer).toMatchObject({ statusCode: 200, headers: { 'content-type': 'application/x-ndjson' } });
    expect(answer.body.split('\n').map((line) => (line === '' ? '' : JSON.parse(line).response))).toEqual([
      ' ',
      '',
      '',
    ]);
  });
});

describe('a direct invoke', () => {
  it("returns OpenAI's completion object with llama-server's timings", async () => {
    const answer = await definePipelineOn(new FakeEngine())(readEvent('completion'));

    expect(answer).toEqual({
      id: 'cmpl-a1b2',
      object: 'text_completion',
      created: expect.any(Number),
      model: 'fake-1b',
      choices: [{ text: ' Paris.', index: 0, finish_reason: 'stop', logprobs: null }],
      usage: {
        prompt_tokens: 24,
        completion_tokens: 7,
        total_tokens: 31,
        prompt_tokens_details: { cached_tokens: 3 },
      },
      timings: {
        cache_n: 3,
        prompt_n: 21,
        prompt_ms: 20,
        prompt_per_token_ms: 20 / 21,
        prompt_per_second: 1050,
        predicted_n: 7,
        predicted_ms: 30,
        predicted_per_token_ms: 5,
        predicted_per_second: 200,
      },
    });
    expect(Math.abs(Date.now() / 1000 - Number(answer.created))).toBeLessThan(60);
  });

  it.each([
    ['chat', { message: { content: ' Paris.' }, finish_reason: 'stop' }, ' Paris.'],
    [
      'chat-tools',
      {
        message: {
          content: null,
          tool_calls: [
            { type: 'function', function: { name: 'get_weather', arguments: '{"city": "Paris"}' } },
          ],
        },
        finish_reason: 'tool_calls',
      },
      '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
    ],
    [
      'chat-json-schema',
      { message: { content: '{"city": "Paris", "is_capital": true}' }, finish_reason: 'stop' },
      '{"city": "Paris", "is_capital": true}',
    ],
  ])('with messages returns a chat completion: %s', async (name, choice, text) => {
    const event = readEvent(name) as { model: string };
    const engine = new FakeEngine(text, { contextSize: 2048 });
    const handler = definePipeline({ engine, model: event.model, chatTemplate: templates.chatMl });

    expect(await handler(event, context)).toMatchObject({ object: 'chat.completion', choices: [choice] });
  });

  it('ends its generation 150 ms before the timeout', async () => {
    const engine = new FakeEngine();
    const handler = definePipeline({ engine, model: 'fake-1b' });
    const before = performance.now();
    await handler({ prompt: 'Hi' }, fakeContext('a1b2', 10_000));
    const after = performance.now();
    const endBy = engine.requests[0]?.endBy ?? 0;

    expect(endBy).toBeGreaterThanOrEqual(before + 10_000 - 150);
    expect(endBy).toBeLessThanOrEqual(after + 10_000 - 150);
  });

  it.each(['completion', 'function-url'])('waits for what the engine keeps of %s', async (name) => {
    const engine = new FakeEngine();
    const { promise: kept, resolve } = Promise.withResolvers<void>();
    Object.assign(engine, { settled: () => kept });
    let isAnswered = false;
    const answering = definePipelineOn(engine)(readEvent(name)).finally(() => {
      isAnswered = true;
    });
    await expect.poll(() => [engine.requests.length, engine.open]).toEqual([1, 0]);

    expect(isAnswered).toBe(false);
    resolve();
    await answering;
  });

  it('waits for what the engine keeps no longer than the invocation has time', async () => {
    const engine = Object.assign(new FakeEngine(), { settled: () => new Promise<void>(() => {}) });
    const handler = definePipeline({ engine, model: 'fake-1b' });
    const answer = await handler({ prompt: 'Hi' }, fakeContext('a1b2', 400));

    expect(answer).toMatchObject({ object: 'text_completion' });
  });

  it('is held for a second beyond the expected end of a write', async () => {
    const settled = vi.fn(async () => {});
    await definePipelineOn(Object.assign(new FakeEngine(), { settled }))({ prompt: 'Hi' });

    expect(settled).toHaveBeenCalledExactlyOnceWith(1000);
  });

  it('waits for nothing that the engine keeps behind the front, where the process goes on', async () => {
    const engine = Object.assign(new FakeEngine(), { settled: () => new Promise<void>(() => {}) });
    const handler = definePipeline({ engine, model: 'fake-1b', isBehindFront: true });

    expect(await handler({ prompt: 'Hi' }, context)).toMatchObject({ object: 'text_completion' });
  });

  it.each([
    [{ requestContext: { authorizer: { iam: { userArn: 'arn:one' } } } }, 'caller arn:one'],
    [{ headers: { authorization: 'Bearer key' } }, 'key Bearer key'],
    [{}, 'key '],
  ])('names the tenant of a chat: %j', async (fields, tenant) => {
    const engine = new FakeEngine('Yes.', { contextSize: 2048 });
    const url = readEvent('function-url-chat') as { requestContext: object; headers: object; body: string };
    const { model } = JSON.parse(url.body) as { model: string };
    const handler = definePipeline({ engine, model, chatTemplate: templates.chatMl });
    const { requestContext = {}, headers = {} } = fields as { requestContext?: object; headers?: object };
    await handler(
      {
        ...url,
        headers: { ...url.headers, ...headers },
        requestContext: { ...url.requestContext, ...requestContext },
      },
      context,
    );

    expect(engine.requests[0]?.turn).toEqual({ tenant, continues: false });
  });

  it.each(['completion', 'function-url'])('leaves no generation open after %s', async (name) => {
    const engine = new FakeEngine();

    await definePipelineOn(engine)(readEvent(name));

    expect(engine.requests).toHaveLength(1);
    expect(engine.open).toBe(0);
  });

  it('draws a new seed for every request without one', async () => {
    const engine = new FakeEngine();
    const invoke = definePipelineOn(engine);

    for (let request = 0; request < 4; request++) await invoke({ prompt: 'Hi' });

    expect(new Set(engine.requests.map(({ sampling }) => sampling.seed)).size).toBeGreaterThan(1);
  });

  it("fails with the code and message of OpenAI's error when the request is invalid", async () => {
    const failure = definePipelineOn(new FakeEngine())(readEvent('invalid/out-of-range'));

    await expect(failure).rejects.toMatchObject({
      name: 'invalid_value',
      message: "'temperature' must be at least 0, not -1.",
    });
  });

  it('logs an unexpected failure and hides it from the caller', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});

    const failure = definePipelineOn(new BrokenEngine())({ prompt: 'Hi' });

    await expect(failure).rejects.toMatchObject({
      name: 'server_error',
      message: 'The server failed to answer. Its log has the reason.',
    });
    expect(log).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ message: expect.stringContaining('fire') }),
    );
  });

  it.each([[null], [undefined], ['text'], [7], [[]], [{ requestContext: {} }]])(
    'rejects %j',
    async (event) => {
      await expect(definePipelineOn(new FakeEngine())(event)).rejects.toMatchObject({
        name: expect.stringMatching(/^(invalid_value|unknown_parameter|missing_required_parameter)$/),
      });
    },
  );
});

describe('an answer over 6 MB', () => {
  const embedder = new LongEmbedder();
  const invoke = (event: unknown, isBehindFront: boolean) =>
    definePipeline({ engine: new FakeEngine(), embedder, model: 'fake-1b', isBehindFront })(event, context);
  const toEvent = (name: string, path: string, body: object) => ({
    ...(readEvent(name) as object),
    rawPath: path,
    body: JSON.stringify(body),
    isBase64Encoded: false,
  });

  it.each([
    ['on Lambda', false, /Function URL of the streaming function/],
    ['behind the front', true, /own path on this port/],
  ])('fails a direct invoke with what to do: %s', async (_, isBehindFront, advice) => {
    const failure = await invoke(longRequest, isBehindFront).catch((error: unknown) => error);

    expect(failure).toMatchObject({ name: 'response_too_large', message: expect.stringMatching(advice) });
    expect(failure).toMatchObject({
      message: expect.stringMatching(
        /^The answer has \d{7,} bytes .* at most 6291556\. .*fewer inputs.*base64/,
      ),
    });
  });

  it('is a 400 in the form of the API for an HTTP event', async () => {
    const openAi = (await invoke(
      toEvent('function-url', '/v1/embeddings', longRequest),
      false,
    )) as unknown as HttpAnswer;
    const ollama = (await invoke(
      toEvent('function-url', '/api/embed', longRequest),
      false,
    )) as unknown as HttpAnswer;

    expect(openAi).toMatchObject({ statusCode: 400, headers: { 'x-request-id': 'a1b2' } });
    expect(JSON.parse(openAi.body)).toMatchObject({ error: { code: 'response_too_large' } });
    expect(ollama.statusCode).toBe(400);
    expect(JSON.parse(ollama.body)).toEqual({ error: expect.stringMatching(/^The answer has/) });
  });

  it('is a 400 from 1 MB on behind a load balancer', async () => {
    const toAlb = (inputs: number) => ({
      ...toEvent('alb', '/v1/embeddings', { input: longRequest.input.slice(0, inputs) }),
      path: '/v1/embeddings',
    });
    const [fits, long] = (await Promise.all([
      invoke(toAlb(5), false),
      invoke(toAlb(30), false),
    ])) as unknown as [HttpAnswer, HttpAnswer];

    expect(fits.statusCode).toBe(200);
    expect(long.statusCode).toBe(400);
    expect(JSON.parse(long.body)).toMatchObject({
      error: { message: expect.stringMatching(/a load balancer takes at most 1048576\. .*Function URL/) },
    });
  });

  it('fits when its embeddings are base64', async () => {
    const body = { ...longRequest, encoding_format: 'base64' };

    expect(await invoke(body, false)).toMatchObject({ object: 'list' });
    expect(await invoke(toEvent('function-url', '/v1/embeddings', body), false)).toMatchObject({
      statusCode: 200,
    });
  });
});

describe('a warm-up ping', () => {
  it('returns at once, without the engine', async () => {
    const engine = new FakeEngine();

    expect(await definePipelineOn(engine)(readEvent('warmup'))).toBe('warmup');
    expect(engine.requests).toEqual([]);
  });
});

describe('an HTTP event', () => {
  it.each(['function-url', 'function-url-base64', 'api-gateway-v2', 'api-gateway-v1', 'alb'])(
    'of the kind %s is answered with status, headers and body',
    async (name) => {
      const answer = await invokeHttp(readEvent(name));

      expect(answer).toMatchObject({
        statusCode: 200,
        headers: { 'content-type': 'application/json', 'x-request-id': 'a1b2' },
        isBase64Encoded: false,
      });
      expect(JSON.parse(answer.body).choices[0].text).toBe(' Paris.');
    },
  );

  it('of a Function URL is answered with a chat completion', async () => {
    const event = readEvent('function-url-chat') as { body: string };
    const { model } = JSON.parse(event.body) as { model: string };
    const engine = new FakeEngine(' Paris.', { contextSize: 2048 });
    const handler = definePipeline({ engine, model, chatTemplate: templates.chatMl });
    const answer = (await handler(event, context)) as unknown as HttpAnswer;

    expect(answer.statusCode).toBe(200);
    expect(JSON.parse(answer.body).choices[0].message.content).toBe(' Paris.');
  });

  it('of a load balancer with multi-value headers is answered with multi-value headers', async () => {
    const answer = await invokeHttp(readEvent('alb-multi-value'));

    expect(answer).toMatchObject({
      statusCode: 200,
      statusDescription: '200 OK',
      multiValueHeaders: { 'content-type': ['application/json'] },
    });
    expect(answer).not.toHaveProperty('headers');
  });

  it('for GET /v1/models lists the model', async () => {
    const answer = await invokeHttp(readEvent('function-url-models'));

    expect(JSON.parse(answer.body)).toEqual({
      object: 'list',
      data: [
        {
          id: 'fake-1b',
          object: 'model',
          created: 0,
          owned_by: 'gguf-lambda',
          meta: {
            n_ctx: 64,
            n_ctx_train: 64,
            n_vocab: 1114372,
            n_embd: 8,
            size: 1024,
            description: 'fake 1B',
          },
        },
      ],
    });
  });

  it('for GET /health reports a cold start only once', async () => {
    const invoke = definePipelineOn(new FakeEngine());
    const health = async () => JSON.parse((await invoke(readEvent('function-url-health'))).body as string);

    expect(await health()).toEqual({
      status: 'ok',
      model_loaded: true,
      model: 'fake-1b',
      context_size: 64,
      uptime_seconds: expect.any(Number),
      cold_start: true,
    });
    expect(await health()).toMatchObject({ cold_start: false });
  });

  it('that fails unexpectedly is answered with 500 without internals, and logged', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});

    const answer = await invokeHttp(readEvent('function-url'), new BrokenEngine());

    expect(answer.statusCode).toBe(500);
    expect(JSON.parse(answer.body)).toEqual({
      error: {
        message: 'The server failed to answer. Its log has the reason.',
        type: 'server_error',
        param: null,
        code: 'server_error',
      },
    });
    expect(log).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ message: expect.stringContaining('fire') }),
    );
  });

  it('with a body over 4 MiB is rejected with 413', async () => {
    const event = {
      ...(readEvent('function-url') as object),
      body: JSON.stringify({ prompt: 'a'.repeat(2 ** 22) }),
    };

    const answer = await invokeHttp(event);

    expect(answer.statusCode).toBe(413);
    expect(JSON.parse(answer.body).error.code).toBe('request_too_large');
  });
});

describe('the events in events/invalid, and in events/strict under the strict rules', () => {
  const expected: Record<string, [code: string, param: string | null, status?: number]> = {
    'invalid/chat-image': ['unsupported_parameter', 'messages.0.content'],
    'invalid/chat-missing-role': ['missing_required_parameter', 'messages.0.role'],
    'invalid/chat-unknown-role': ['invalid_value', 'messages.0.role'],
    'invalid/http-broken-json': ['invalid_json', null, 400],
    'invalid/http-broken-utf8': ['invalid_json', null, 400],
    'invalid/http-empty-body': ['invalid_json', null, 400],
    'invalid/http-unknown-path': ['unknown_url', null, 404],
    'invalid/http-wrong-media-type': ['unsupported_media_type', null, 415],
    'invalid/http-wrong-method': ['method_not_allowed', null, 405],
    'invalid/missing-prompt': ['missing_required_parameter', 'prompt'],
    'invalid/not-an-object': ['invalid_value', null],
    'strict/other-model': ['model_not_found', 'model'],
    'invalid/out-of-range': ['invalid_value', 'temperature'],
    'strict/unknown-field': ['unknown_parameter', 'max_token'],
    'strict/unsupported-field': ['unsupported_parameter', 'n_keep'],
    'invalid/unsupported-schema': ['unsupported_schema', 'json_schema'],
    'invalid/wrong-type': ['invalid_value', 'max_tokens'],
  };

  it('all have an expected error', () => {
    expect([...eventNames('invalid'), ...eventNames('strict')].sort()).toEqual(Object.keys(expected).sort());
  });

  it.each(Object.entries(expected).filter(([, [, , status]]) => status !== undefined))(
    "%s is answered in OpenAI's error format",
    async (name, [code, param, status]) => {
      const answer = await invokeHttp(readEvent(name));

      expect(answer.statusCode).toBe(status);
      expect(JSON.parse(answer.body)).toEqual({
        error: { message: expect.any(String), type: 'invalid_request_error', param, code },
      });
      expect(answer.headers?.allow).toBe(status === 405 ? 'POST' : undefined);
    },
  );

  it.each(Object.entries(expected).filter(([, [, , status]]) => status === undefined))(
    '%s causes a function error for a direct invoke, and a 4xx over HTTP',
    async (name, [code, param]) => {
      const body = readEvent(name);
      const isChat = name.includes('chat');
      const model = (readEvent('chat') as { model: string }).model;
      const engine = new FakeEngine();
      const isStrict = name.startsWith('strict/');
      const strict = { strictFields: isStrict, strictModel: isStrict };
      const handler = definePipeline({ engine, model, chatTemplate: templates.chatMl, ...strict });

      await expect(handler(body, context)).rejects.toMatchObject({ name: code });
      const answer = (await handler(
        {
          ...(readEvent(isChat ? 'function-url-chat' : 'function-url') as object),
          body: JSON.stringify(body),
        },
        context,
      )) as unknown as HttpAnswer;

      expect(JSON.parse(answer.body).error).toMatchObject({ code, param });
      expect(answer.statusCode).toBe(code === 'model_not_found' ? 404 : 400);
    },
  );
});

describe('a direct invoke and an HTTP event with foreign fields', () => {
  it.each(eventNames('strict'))('are answered: %s', async (name) => {
    const body = readEvent(name);
    const event = { ...(readEvent('function-url') as object), body: JSON.stringify(body) };

    expect(await definePipelineOn(new FakeEngine())(body)).toMatchObject({ object: 'text_completion' });
    expect(await invokeHttp(event)).toMatchObject({ statusCode: 200 });
  });
});

describe('an API key', () => {
  const askWith = async (headers: Record<string, string>, event = 'function-url') => {
    const handler = definePipeline({
      engine: new FakeEngine(),
      model: 'fake-1b',
      apiKey: readApiKeySource({ API_KEY: 'right key' }),
    });
    const given = readEvent(event) as { headers: object };
    const answer = await handler({ ...given, headers: { ...given.headers, ...headers } }, context);
    return answer as unknown as HttpAnswer;
  };

  it.each(['Bearer right key', 'bearer  right key '])('is accepted: %s', async (authorization) => {
    expect((await askWith({ authorization })).statusCode).toBe(200);
  });

  it.each([
    {},
    { authorization: '' },
    { authorization: 'Bearer wrong' },
    { authorization: 'Basic right key' },
  ])('that is missing or wrong is rejected with 401: %j', async (headers) => {
    const answer = await askWith(headers as Record<string, string>);

    expect(answer).toMatchObject({ statusCode: 401, headers: { 'www-authenticate': 'Bearer' } });
    expect(JSON.parse(answer.body).error.code).toBe('invalid_api_key');
  });

  it('is not required for a health check or a direct invoke', async () => {
    expect((await askWith({}, 'function-url-health')).statusCode).toBe(200);
    const handler = definePipeline({
      engine: new FakeEngine(),
      model: 'fake-1b',
      apiKey: readApiKeySource({ API_KEY: 'right key' }),
    });
    expect(await handler(readEvent('completion'), context)).toMatchObject({ object: 'text_completion' });
  });
});
