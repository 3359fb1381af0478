// POST /v1/messages and POST /v1/messages/count_tokens, as HTTP answers.
import { describe, expect, it } from 'vitest';
import { GrammarPrefixError } from '../../../../src/engine/engine.ts';
import { readApiKeySource } from '../../../../src/http/api-key.ts';
import { answerDirectInvoke } from '../../../../src/http/direct-invoke.ts';
import { templates } from '../../chat/templates.ts';
import { BrokenEngine, FakeEngine } from '../../fake-engine.ts';
import clientBodies from '../../http/client-bodies.json' with { type: 'json' };
import { model, toContext } from '../fake-service.ts';
import { ask, askJson, askStreamed, engineOf, promptOf, quietLog } from './ask.ts';

const prompt = '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n';
const hi = { model: 'claude-sonnet-5', max_tokens: 64, messages: [{ role: 'user', content: 'Hi' }] };
const weather = {
  name: 'weather',
  description: 'The weather in a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const call = (city: string) =>
  `<tool_call>\n{"name": "weather", "arguments": {"city": "${city}"}}\n</tool_call>`;

describe('POST /v1/messages', () => {
  it("answers in Anthropic's format", async () => {
    const { status, headers, body } = await askJson(hi, engineOf('Hello.'));

    expect({ status, headers }).toMatchObject({
      status: 200,
      headers: { 'request-id': 'a1-b2', 'x-request-id': 'a1-b2', 'content-type': 'application/json' },
    });
    expect(body).toEqual({
      id: 'msg_a1-b2',
      type: 'message',
      role: 'assistant',
      model,
      content: [{ type: 'text', text: 'Hello.', citations: null }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      stop_details: null,
      container: null,
      usage: {
        input_tokens: expect.any(Number),
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 3,
        output_tokens: 6,
      },
    });
  });

  it('counts the prompt as the cached tokens and those evaluated', async () => {
    const engine = engineOf('Hello.');
    const { body } = await askJson(hi, engine);

    expect(body.usage.input_tokens + 3).toBe(engine.requests[0]?.prompt.length);
  });

  it.each([
    [{ max_tokens: 2 }, 'He', { stop_reason: 'max_tokens', stop_sequence: null }],
    [{ stop_sequences: ['x', 'lo'] }, 'Hel', { stop_reason: 'stop_sequence', stop_sequence: 'lo' }],
    [{ stop_sequences: ['', 'zz'] }, 'Hello.', { stop_reason: 'end_turn', stop_sequence: null }],
  ])('says why the message ended with %j', async (fields, text, stop) => {
    const { body } = await askJson({ ...hi, ...fields }, engineOf('Hello.'));
    const events = await askStreamed({ ...hi, ...fields }, engineOf('Hello.'));

    expect(body).toMatchObject({ content: [{ text }], ...stop });
    expect(events.at(-2)?.data).toMatchObject({ type: 'message_delta', delta: stop });
  });

  it.each([
    [-1, 4096 - prompt.length],
    [2 ** 63, 4096 - prompt.length],
    [7, 7],
  ])('may have max_tokens %d: at most as many as fit', async (max_tokens, expected) => {
    const engine = engineOf('Hello.');
    const { status } = await ask({ ...hi, max_tokens }, engine);

    expect({ status, maxTokens: engine.requests[0]?.maxTokens }).toEqual({
      status: 200,
      maxTokens: expected,
    });
  });

  it('only evaluates the prompt with max_tokens 0', async () => {
    const engine = engineOf('Hello.');
    const { status, body } = await askJson({ ...hi, max_tokens: 0 }, engine);

    expect(engine.requests[0]?.maxTokens).toBe(0);
    expect({ status, body }).toMatchObject({ status: 200, body: { content: [], stop_reason: 'max_tokens' } });
  });

  it('asks the engine for the sampling of the request', async () => {
    const engine = engineOf('Hello.');
    await ask({ ...hi, temperature: 0.5, top_p: 0.9, top_k: 40 }, engine);

    expect(engine.requests[0]).toMatchObject({
      maxTokens: 64,
      sampling: { temperature: 0.5, topP: 0.9, topK: 40 },
    });
  });

  it('returns the calls of tools', async () => {
    const engine = engineOf(`Let me see.\n${call('Paris')}\n${call('Rome')}`);
    const { body } = await askJson({ ...hi, max_tokens: 300, tools: [weather] }, engine);

    expect(body).toMatchObject({
      content: [
        { type: 'text', text: 'Let me see.' },
        { type: 'tool_use', id: 'toolu_a1b2_0_0', name: 'weather', input: { city: 'Paris' } },
        { type: 'tool_use', id: 'toolu_a1b2_0_1', name: 'weather', input: { city: 'Rome' } },
      ],
      stop_reason: 'tool_use',
    });
  });

  it('returns a call that was cut without its input', async () => {
    const { body } = await askJson({ ...hi, max_tokens: 60, tools: [weather] }, engineOf(call('Paris')));

    expect(body).toMatchObject({
      content: [{ type: 'tool_use', name: 'weather', input: {} }],
      stop_reason: 'max_tokens',
    });
  });

  it('goes on with a last message of the assistant, and answers with the rest', async () => {
    const engine = engineOf('B)');
    const messages = [...hi.messages, { role: 'assistant', content: [{ type: 'text', text: 'It is (' }] }];
    const { body } = await askJson({ ...hi, messages }, engine);

    expect(promptOf(engine)).toBe(`${prompt}It is (`);
    expect(body.content).toMatchObject([{ type: 'text', text: 'B)' }]);
  });

  it.each([
    [{ output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } }],
    [{ tools: [weather], tool_choice: { type: 'any' } }],
  ])('names the message that cannot begin %j', async (fields) => {
    const engine = new FakeEngine('{}', {
      contextSize: 4096,
      beforeEvent: () => {
        throw new GrammarPrefixError('It does not admit it.');
      },
    });
    const messages = [...hi.messages, { role: 'assistant', content: 'Here it is:' }];
    const { status, body } = await askJson({ ...hi, system: 'Be brief.', messages, ...fields }, engine);

    expect(status).toBe(400);
    expect(body.error.message).toContain("'messages.1' cannot begin this answer");
  });

  it('says by which of its fields the thoughts before a begun answer are turned off', async () => {
    const messages = [...hi.messages, { role: 'assistant', content: 'It is' }];
    const service = { chatTemplate: templates.opensThoughts };
    const thinking = { type: 'enabled', budget_tokens: 1024 };
    const refused = await askJson({ ...hi, messages, thinking }, engineOf('B'), { service });
    const answered = await askJson({ ...hi, messages }, engineOf('B'), { service });

    expect(refused).toMatchObject({ status: 400 });
    expect(refused.body.error.message).toContain("Turn the thoughts off with 'thinking'");
    expect(answered.body.content).toMatchObject([{ type: 'text', text: 'B' }]);
  });

  it('returns JSON that matches the schema of output_config, or of its older place', async () => {
    const format = { type: 'json_schema', schema: { type: 'object', properties: { a: { const: 1 } } } };
    for (const fields of [{ output_config: { format } }, { output_format: format }]) {
      const engine = new FakeEngine(['{"a": 2}', '{"a": 1}'], { contextSize: 4096 });
      const { body } = await askJson({ ...hi, ...fields }, engine);

      expect(body.content).toMatchObject([{ type: 'text', text: '{"a": 1}' }]);
      expect(engine.requests[0]?.grammar).toBeDefined();
    }
  });
});

describe('thoughts', () => {
  const service = { chatTemplate: templates.thinking };
  const text = '<think>\nHm.\n</think>\n\nHello.';

  it.each([
    [{ type: 'enabled', budget_tokens: 1024 }, '[user]Hi[assistant]'],
    [{ type: 'adaptive' }, '[user]Hi[assistant]'],
    [{ type: 'disabled' }, '[user]Hi[assistant]<think>\n\n</think>\n\n'],
    [undefined, '[user]Hi[assistant]<think>\n\n</think>\n\n'],
  ])('are prompted for by thinking: %j', async (thinking, prompt) => {
    const engine = engineOf(text);
    await ask({ ...hi, thinking }, engine, { service });

    expect(promptOf(engine)).toBe(prompt);
  });

  it.each([
    [{ type: 'enabled', budget_tokens: 1024 }, 1024],
    [{ type: 'adaptive' }, undefined],
  ])('are bounded by budget_tokens: %j', async (thinking, tokens) => {
    const engine = engineOf(text);
    await ask({ ...hi, thinking }, engine, { service });

    expect(engine.requests[0]?.thoughtLimit?.tokens).toBe(tokens);
  });

  it('are a block of their own, with a signature, and counted', async () => {
    const { headers, body } = await askJson({ ...hi, thinking: { type: 'adaptive' } }, engineOf(text), {
      service,
    });

    expect(headers).not.toHaveProperty('x-ignored-fields');
    expect(body).toMatchObject({
      content: [
        { type: 'thinking', thinking: 'Hm.', signature: 'unsigned' },
        { type: 'text', text: 'Hello.' },
      ],
      usage: { output_tokens_details: { thinking_tokens: expect.any(Number) } },
    });
  });

  it.each([
    [{ thinking: { type: 'enabled', budget_tokens: 9 } }, 'thinking, thinking.budget_tokens'],
    [{ thinking: { type: 'disabled' } }, undefined],
    [{ output_config: { effort: 'max' } }, 'output_config.effort'],
  ])('of a model that has none are told as ignored: %j', async (fields, ignored) => {
    const { status, headers } = await ask({ ...hi, ...fields }, engineOf('Hello.'));

    expect(status).toBe(200);
    expect(headers['x-ignored-fields']).toBe(ignored);
  });
});

describe('an error', () => {
  it('names each kind of value once', async () => {
    const { body } = await askJson({ messages: [{ role: 'user', content: ['Hi'] }] }, engineOf('Hello.'));

    expect(body.error.message).toBe("'messages.0.content.0' must be an object, not a string.");
  });

  const search = { type: 'web_search_20250305', name: 'web_search' };

  it.each([
    ['messages', { messages: [] }],
    ['messages.0.role', { messages: [{ role: 'tool', content: 'Hi' }] }],
    ['max_tokens', { max_tokens: 1.5 }],
    ['temperature', { temperature: 'hot' }],
    ['stop_sequences', { stop_sequences: Array(300).fill('a') }],
    ['stop_sequences.0', { stop_sequences: [7] }],
    ['tools.1.name', { tools: [search, { name: 'a b' }] }],
    ['tools.0.input_schema', { tools: [{ name: 'a', input_schema: 7 }] }],
    ['tools.0.input_schema', { tools: [{ name: 'a', input_schema: { type: 'array' } }] }],
    ['tool_choice', { tool_choice: { type: 'tool', name: 'b' }, tools: [weather] }],
    ['tool_choice', { tool_choice: { type: 'any' } }],
    [
      'output_config.format',
      { output_config: { format: { type: 'json_schema', schema: { type: 'shape' } } } },
    ],
    ['output_format', { output_format: { type: 'json_schema', schema: { type: 'shape' } } }],
    ['output_format.type', { output_format: { type: 'text', schema: {} } }],
    [
      'output_format',
      {
        output_format: { type: 'json_schema', schema: { type: 'object' } },
        output_config: { format: { type: 'json_schema', schema: { type: 'array' } } },
      },
    ],
    ['system.0.type', { system: [{ type: 'image' }] }],
    [
      'messages.1',
      {
        messages: [
          ...hi.messages,
          { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
        ],
      },
    ],
    ['thread', { thread: { type: 'continue', previous_message_id: 'msg_1' } }],
  ])('names the field of the request: %s', async (field, fields) => {
    const answered = await askJson({ ...hi, ...fields }, engineOf('Hello.'));

    expect(answered).toMatchObject({
      status: 400,
      headers: { 'request-id': 'a1-b2' },
      body: {
        type: 'error',
        error: { type: 'invalid_request_error', message: expect.stringContaining(`'${field}'`) },
        request_id: 'a1-b2',
      },
    });
  });

  it.each([
    ['the result of a tool', 'user', '{"type": "tool_result", "tool_use_id": "a", "content": DEEP}'],
    ['the input of a tool', 'assistant', '{"type": "tool_use", "id": "a", "name": "f", "input": DEEP}'],
    ['a block', 'user', 'DEEP'],
  ])('refuses %s that is nested too deeply', async (_, role, block) => {
    const deep = `${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}`;
    const turn = `{"role": "${role}", "content": [${block.replace('DEEP', deep)}]}`;
    const body = `{"messages": [${turn}, {"role": "user", "content": "Hi"}]}`;

    expect(await askJson(body, engineOf('Hello.'))).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error' } },
    });
  });

  it('counts blocks as the request does, not as the chat', async () => {
    const content = [
      { type: 'tool_result', tool_use_id: 'a', content: 'Sunny.' },
      { type: 'text', text: 'And this?' },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } },
    ];
    const messages = [...hi.messages, { role: 'user', content }];
    const { body } = await askJson({ ...hi, system: 'Be brief.', messages }, engineOf('Hello.'));

    expect(body.error.message).toContain("'messages.1.content.2.type'");
  });

  it.each([
    [{}, 401, 'authentication_error'],
    [{ 'x-api-key': 'wrong' }, 401, 'authentication_error'],
    [{ authorization: 'Bearer wrong' }, 401, 'authentication_error'],
    [{ 'x-api-key': 'right', 'content-encoding': 'lzma' }, 415, 'invalid_request_error'],
  ])('of the request has its form: %j', async (headers, status, type) => {
    const service = { apiKey: readApiKeySource({ API_KEY: 'right' }) };

    expect(await askJson(hi, engineOf('Hello.'), { headers, service })).toMatchObject({
      status,
      headers: { 'request-id': 'a1-b2' },
      body: { type: 'error', error: { type }, request_id: 'a1-b2' },
    });
  });

  it.each([
    [{ service: { strictModel: true } }, 404, 'not_found_error'],
    [{ path: '/v1/messages/count_tokens', service: { strictModel: true } }, 404, 'not_found_error'],
    [{ service: { chatTemplate: undefined } }, 400, 'invalid_request_error'],
  ])('of the model has its form: %j', async (options, status, type) => {
    const answered = await askJson(hi, engineOf('Hello.'), options);

    expect(answered).toMatchObject({ status, body: { type: 'error', error: { type } } });
  });

  it('of the server has its form, before the first event and behind it', async () => {
    const context = { log: quietLog };
    const breaking = new FakeEngine('Hello.', {
      contextSize: 4096,
      beforeEvent: (_, event) => {
        if (event === 2) throw new Error('secret');
      },
    });
    const error = { type: 'api_error', message: expect.not.stringContaining('secret') };

    expect(await askJson({ ...hi, stream: true }, new BrokenEngine(), { context })).toMatchObject({
      status: 500,
      body: { type: 'error', error },
    });
    expect((await askStreamed(hi, breaking, { context })).at(-1)).toEqual({
      name: 'error',
      data: { type: 'error', error, request_id: 'a1-b2' },
    });
  });
});

describe('an image', () => {
  const source = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' };
  const content = [
    { type: 'image', source },
    { type: 'text', text: 'What is this?' },
  ];
  const result = [{ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'image', source }] }];

  it.each([[content], [result]])('is refused, or replaced by a note, as in a chat: %j', async (blocks) => {
    const body = { ...hi, messages: [{ role: 'user', content: blocks }] };
    const engine = engineOf('Hello.');

    expect(await askJson(body, engine)).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('Remove the image.') } },
    });
    expect(await askJson(body, engine, { service: { imagePlaceholders: true } })).toMatchObject({
      status: 200,
    });
    expect(promptOf(engine)).toContain('[An image was here.');
  });
});

describe('the body of a chat', () => {
  it.each(clientBodies)('is answered or refused in its form: $name', async ({ body }) => {
    const answered = await askJson({ ...body, stream: false }, engineOf('Hello.'));

    if (answered.status === 200) expect(answered.body).toMatchObject({ type: 'message' });
    else {
      expect(answered).toMatchObject({
        status: 400,
        body: { type: 'error', error: { type: 'invalid_request_error' } },
      });
    }
  });
});

describe('a direct invoke', () => {
  it('may name the path', async () => {
    const service = { engine: engineOf('Hello.'), model, chatTemplate: templates.chatMl };
    const answered = await answerDirectInvoke({ path: '/v1/messages', ...hi }, service, toContext());

    expect(answered).toMatchObject({ type: 'message', content: [{ text: 'Hello.' }] });
  });
});

describe('POST /v1/messages/count_tokens', () => {
  const path = '/v1/messages/count_tokens';
  const { max_tokens: _, ...prompt } = {
    ...hi,
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
    tools: [weather],
    tool_choice: { type: 'any' },
    thinking: { type: 'adaptive' },
  };

  it.each(['chatMl', 'thinking', 'withTools'] as const)(
    'counts the prompt of a message: %s',
    async (kind) => {
      const service = { chatTemplate: templates[kind] };
      const engine = engineOf(call('Paris'));
      await ask({ ...prompt, max_tokens: 100 }, engine, { service });
      const { status, body } = await askJson(prompt, engine, { path, service });

      expect({ status, body }).toEqual({
        status: 200,
        body: { input_tokens: engine.requests[0]?.prompt.length },
      });
      expect(engine.requests).toHaveLength(1);
    },
  );

  it('counts more tokens than fit the context', async () => {
    const engine = new FakeEngine('Hello.', { contextSize: 8 });
    const { status, body } = await askJson(prompt, engine, { path });

    expect(status).toBe(200);
    expect(body.input_tokens).toBeGreaterThan(8);
  });
});
