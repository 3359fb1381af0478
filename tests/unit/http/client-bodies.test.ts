// Request bodies of public clients, each with the status that their users need. Those of one client differ from those of another
// in the fields that only some servers know.
import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { answerLine } from '../../../src/batch/answer-line.ts';
import { answer } from '../../../src/http/answer.ts';
import { answerDirectInvoke } from '../../../src/http/direct-invoke.ts';
import { type HttpResponse, toWholeResponse } from '../../../src/http/http.ts';
import type { Service } from '../../../src/http/service.ts';
import { consoleLog } from '../../../src/telemetry/log.ts';
import { model, toContext } from '../api/fake-service.ts';
import { templates } from '../chat/templates.ts';
import { FakeEngine } from '../fake-engine.ts';
import clientBodies from './client-bodies.json' with { type: 'json' };
import { translatedChats } from './translated-chats.ts';

interface Asked extends HttpResponse<string> {
  readonly engine: FakeEngine;
}

async function ask(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
  service: Partial<Service> = {},
): Promise<Asked> {
  // A text that the model did not end is not checked against a schema.
  const engine = new FakeEngine('Hello.', { contextSize: 2048, summary: { finishReason: 'length' } });
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const http = { method: 'POST', path, headers, body: bytes };
  const response = await answer(
    http,
    { engine, model, chatTemplate: templates.chatMl, ...service },
    toContext(),
  );
  return { ...(await toWholeResponse(response)), engine };
}

const hi = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 5 };

describe('the body of a client', () => {
  it.each(clientBodies)('$name is answered with $status', async ({ path, status, body, text }) => {
    const { body: content, ...answered } = await ask(path, text ?? body);

    expect({ status: answered.status, content }).toMatchObject({
      status,
      ...(status !== 200 && { content: expect.stringMatching(/^\{"error":/) }),
    });
  });
});

describe('the chat of a client in another API', () => {
  it.each(translatedChats)('$name is answered with $status at $path', async ({ path, status, body }) => {
    const { body: content, ...answered } = await ask(path, body);

    expect({ status: answered.status, content }).toMatchObject({ status });
  });
});

describe('x-ignored-fields', () => {
  it('lists the foreign fields of every part of a request', async () => {
    const { status, headers } = await ask('/v1/chat/completions', {
      messages: [
        {
          role: 'user',
          content: [{ type: 'text', text: 'Hi', cache_control: { type: 'ephemeral' } }],
          id: 4,
        },
        { role: 'assistant', content: 'Yes?', provider_specific_fields: { a: 1 } },
        { role: 'user', content: 'Bye' },
      ],
      tools: [
        { type: 'function', function: { name: 'a', returns: 'b' }, cache_control: { type: 'ephemeral' } },
      ],
      stream_options: { include_usage: true },
      num_ctx: 4096,
    });

    expect(status).toBe(200);
    expect(headers['x-ignored-fields']?.split(', ')).toEqual([
      'messages.0.content.0.cache_control',
      'messages.0.id',
      'messages.1.provider_specific_fields',
      'tools.0.function.returns',
      'tools.0.cache_control',
      'num_ctx',
      'stream_options',
    ]);
  });

  it.each([
    ['/v1/completions', { prompt: 'Hi' }],
    ['/v1/completions', { prompt: 'Hi', stream: true }],
    ['/v1/chat/completions', hi],
    ['/v1/chat/completions', { ...hi, stream: true }],
    ['/tokenize', { content: 'Hi' }],
    ['/detokenize', { tokens: [72] }],
    ['/apply-template', { messages: hi.messages }],
  ])('is told at %s for %j, and the answer is the same', async (path, body) => {
    const plain = await ask(path, body);
    const foreign = await ask(path, { ...body, foreign: { any: 'thing' }, nothing: null });

    expect(plain.headers).not.toHaveProperty('x-ignored-fields');
    expect(foreign.headers['x-ignored-fields']).toBe('foreign');
    expect(foreign).toMatchObject({ status: 200, body: plain.body });
    expect(foreign.engine.requests).toEqual(plain.engine.requests);
  });

  it('is told with an error', async () => {
    const { status, headers } = await ask('/v1/completions', { prompt: 7, foreign: 1 });

    expect(status).toBe(400);
    expect(headers['x-ignored-fields']).toBe('foreign');
  });

  it('is bounded, and has only characters that a header may have', async () => {
    const many = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`field-${index}`, 1]));
    const odd = { 'a\r\nb: c': 1, 'é😀\ud800': 1, 'x,y': 1, ['long'.repeat(1000)]: 1 };
    const told = async (fields: object) =>
      (await ask('/v1/completions', { prompt: 'Hi', ...fields })).headers['x-ignored-fields'] ?? '';

    expect(await told(many)).toMatch(/^field-0, field-1, .*, and \d{5} more$/);
    expect((await told(many)).length).toBeLessThan(1100);
    expect(await told(odd)).toBe(
      `a%0D%0Ab:%20c, %C3%A9%F0%9F%98%80%EF%BF%BD, x%2Cy, ${'long'.repeat(10)}...`,
    );
  });
});

describe('the debug log', () => {
  const debug = vi.fn();
  const context = toContext({ log: { ...consoleLog, debug } });
  const service = { engine: new FakeEngine(), model };
  const body = { prompt: 'Hi', secretary: 'Ada Lovelace' };
  afterEach(() => void debug.mockReset());

  it('has the paths of ignored fields, and never a value', async () => {
    const line = { custom_id: 'one', method: 'POST', url: '/v1/completions', body, nonce: 'Ada Lovelace' };
    const http = {
      method: 'POST',
      path: '/v1/completions',
      headers: {},
      body: Buffer.from(JSON.stringify(body)),
    };
    await answer(http, service, context);
    await answerDirectInvoke(body, service, context);
    await answerLine(Buffer.from(JSON.stringify(line)), service, context);

    expect(debug.mock.calls).toEqual([
      ['Ignored fields of the request: secretary'],
      ['Ignored fields of the request: secretary'],
      ['Ignored fields of the request: nonce'],
      ['Ignored fields of the request: secretary'],
    ]);
  });

  it('is silent when nothing is ignored', async () => {
    await answerDirectInvoke({ prompt: 'Hi', suffix: null }, service, context);

    expect(debug).not.toHaveBeenCalled();
  });

  it.each([
    ['gguf-lambda', 'GGUF-LAMBDA'],
    ['other', ''],
  ])("is written with Node's own setting: NODE_DEBUG=%s", async (setting, expected) => {
    const script = `import { consoleLog } from '${new URL('../../../src/telemetry/log.ts', import.meta.url)}';
      consoleLog.debug('a line');`;
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { NODE_DEBUG: setting },
      encoding: 'utf8',
    });

    expect(stderr).toMatch(expected === '' ? /^$/ : new RegExp(`^${expected} \\d+: a line`));
  });
});

describe('the strict rule for fields', () => {
  it.each([
    ['a header', { 'x-strict-fields': 'true' }, {}],
    ['a setting', {}, { strictFields: true }],
  ])('is asked for by %s, and rejects a foreign field by name', async (_, headers, service) => {
    const body = { ...hi, messages: [{ role: 'user', content: 'Hi', timestamp: 1 }] };
    const answered = await ask('/v1/chat/completions', body, headers, service);

    expect(answered.status).toBe(400);
    expect(JSON.parse(answered.body)).toMatchObject({
      error: { code: 'unknown_parameter', param: 'messages.0.timestamp' },
    });
  });

  it('allows what says nothing', async () => {
    const neutral = {
      ...hi,
      stop: [],
      tools: null,
      suffix: '',
      logit_bias: [],
      stream_options: {},
      seed: -1,
    };

    expect(await ask('/v1/chat/completions', neutral, { 'x-strict-fields': 'true' })).toMatchObject({
      status: 200,
    });
  });
});

describe('the name of a model', () => {
  const strict = { strictModel: true, modelAliases: ['gpt-4o-mini'] };

  it.each([
    ['gpt-4', {}, 200],
    ['', {}, 200],
    [null, {}, 200],
    [7, {}, 400],
    ['gpt-4', strict, 404],
    ['gpt-4o-mini', strict, 200],
    [model, strict, 200],
    [undefined, {}, 200],
  ])('%j is answered under %j with %i', async (name, service, status) => {
    for (const [path, body] of [
      ['/v1/chat/completions', hi],
      ['/v1/completions', { prompt: 'Hi' }],
      ['/tokenize', { content: 'Hi' }],
      ['/detokenize', { tokens: [72] }],
      ['/apply-template', { messages: hi.messages }],
    ] as const) {
      const answered = await ask(path, { ...body, model: name }, {}, service);

      expect(answered.status).toBe(status);
      if (path.startsWith('/v1') && status === 200) expect(JSON.parse(answered.body).model).toBe(model);
    }
  });
});

describe('a chat without a model', () => {
  it('is refused where models are strict, as by OpenAI', async () => {
    const { status, body } = await ask(
      '/v1/chat/completions',
      { ...hi, model: undefined },
      {},
      { strictModel: true },
    );

    expect([status, JSON.parse(body).error.code]).toEqual([400, 'missing_required_parameter']);
  });
});

describe('a limit of tokens', () => {
  const room = 2048 - 'Hi'.length;

  it.each([
    [{ max_tokens: -1 }, room],
    [{ max_tokens: 1_000_000 }, room],
    [{ max_tokens: 2 ** 63 }, room],
    [{ max_tokens: 2047 }, room],
    [{ n_predict: 7 }, 7],
    [{ n_predict: -1 }, room],
    [{ max_tokens: 9, n_predict: 7 }, 7],
    [{ max_tokens: 9, n_predict: -1 }, 9],
    [{ max_tokens: 0 }, 0],
    [{ max_tokens: null }, 16],
  ])('%j of a completion is %i tokens', async (limits, tokens) => {
    const { status, engine } = await ask('/v1/completions', { prompt: 'Hi', ...limits });

    expect(status).toBe(200);
    expect(engine.requests[0]?.maxTokens).toBe(tokens);
  });

  it('is as many as fit behind each of several prompts', async () => {
    const { engine } = await ask('/v1/completions', { prompt: ['Hi', 'Hello'], max_tokens: 5000 });

    expect(engine.requests.map(({ maxTokens }) => maxTokens)).toEqual([2046, 2043]);
  });

  it.each([
    [{ max_tokens: 5, max_completion_tokens: 6 }, 5],
    [{ max_tokens: 6, max_completion_tokens: 5, n_predict: 7 }, 5],
    [{ max_tokens: -1, max_completion_tokens: 5 }, 5],
  ])('%j of a chat is the smallest: %i', async (limits, tokens) => {
    const { engine } = await ask('/v1/chat/completions', { messages: hi.messages, ...limits });

    expect(engine.requests[0]?.maxTokens).toBe(tokens);
  });

  it('that the context cuts ends the text with the reason length', async () => {
    const engine = new FakeEngine('x'.repeat(100), { contextSize: 64 });
    const { body } = await ask('/v1/completions', { prompt: 'Hi', max_tokens: 90 }, {}, { engine });

    expect(JSON.parse(body)).toMatchObject({
      choices: [{ text: 'x'.repeat(62), finish_reason: 'length' }],
    });
  });
});
