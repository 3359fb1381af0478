import { describe, expect, it } from 'vitest';
import { templates } from '../../chat/templates.ts';
import { FakeEngine, toByteTokens } from '../../fake-engine.ts';
import { model } from '../fake-service.ts';
import { ask, toCall, weather } from './ask.ts';

const input = 'Hi';

async function answer(...args: Parameters<typeof ask>) {
  const { status, body } = await ask(...args);
  expect(status).toBe(200);
  return JSON.parse(body);
}

async function refuse(...args: Parameters<typeof ask>) {
  const { status, body } = await ask(...args);
  expect(status).toBe(400);
  return JSON.parse(body).error;
}

const long = (text: string) => new FakeEngine(text, { contextSize: 1000 });

describe('a response', () => {
  it('has the message, the usage and the settings', async () => {
    const request = { input, instructions: 'Be brief.', temperature: 0, metadata: { a: 'b' }, user: '' };

    expect(await answer(request)).toEqual({
      id: 'resp_a1b2',
      object: 'response',
      created_at: 1795521600,
      model,
      status: 'completed',
      error: null,
      incomplete_details: null,
      output: [
        {
          id: 'msg_a1b2_0',
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'Paris.', annotations: [], logprobs: [] }],
        },
      ],
      usage: {
        input_tokens: 36,
        input_tokens_details: { cached_tokens: 3, cache_write_tokens: 0 },
        output_tokens: 6,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 42,
      },
      timings: expect.objectContaining({ predicted_n: 6 }),
      access_programs: null,
      background: false,
      instructions: 'Be brief.',
      max_output_tokens: null,
      max_tool_calls: null,
      metadata: { a: 'b' },
      parallel_tool_calls: true,
      previous_response_id: null,
      prompt_cache_key: null,
      reasoning: { effort: null, summary: null },
      safety_identifier: null,
      service_tier: 'default',
      store: false,
      temperature: 0,
      text: { format: { type: 'text' } },
      tool_choice: 'auto',
      tools: [],
      top_logprobs: 0,
      top_p: 1,
      truncation: 'disabled',
      user: null,
    });
  });

  it("has the sampling that the model's makers advise where the request has none", async () => {
    const samplingDefaults = { temperature: 0.6, top_p: 0.95 };

    expect(await answer({ input }, { samplingDefaults })).toMatchObject({ temperature: 0.6, top_p: 0.95 });
    expect(await answer({ input, temperature: 0, top_p: 0.5 }, { samplingDefaults })).toMatchObject({
      temperature: 0,
      top_p: 0.5,
    });
  });

  it('is incomplete at the limit of tokens', async () => {
    expect(await answer({ input, max_output_tokens: 3 })).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete', content: [{ text: 'Par' }] }],
    });
  });

  it('has an empty message for an empty text', async () => {
    expect(await answer({ input }, { engine: long('') })).toMatchObject({
      output: [{ type: 'message', content: [{ text: '' }] }],
    });
  });

  it('has a text and calls in their order', async () => {
    const engine = long(`Well. ${toCall({ city: 'Rome' })}${toCall({ city: 'Bonn' })}`);
    const { output, tools } = await answer({ input, tools: [weather] }, { engine });

    expect(output).toEqual([
      expect.objectContaining({ id: 'msg_a1b2_0', status: 'completed' }),
      {
        id: 'fc_a1b2_1',
        type: 'function_call',
        call_id: 'call_a1b2_0_0',
        name: 'weather',
        arguments: '{"city": "Rome"}',
        status: 'completed',
      },
      expect.objectContaining({ id: 'fc_a1b2_2', call_id: 'call_a1b2_0_1', arguments: '{"city": "Bonn"}' }),
    ]);
    expect(tools).toEqual([{ ...weather, description: null, strict: false }]);
  });

  it('marks a call that a stop string cut as incomplete', async () => {
    const engine = long(toCall({ city: 'Rome' }));

    expect(await answer({ input, tools: [weather], stop: 'ome' }, { engine })).toMatchObject({
      status: 'completed',
      output: [{ type: 'function_call', status: 'incomplete', arguments: '{"city": "R' }],
    });
  });

  it('has thoughts as the content of an item, or as its summary', async () => {
    const service = () => ({ engine: long('<think>Hm.</think>Yes.'), chatTemplate: templates.thinking });
    const plain = await answer({ input }, service());
    const summarized = await answer({ input, reasoning: { summary: 'auto' } }, service());
    const item = { id: 'rs_a1b2_0', type: 'reasoning', status: 'completed' };

    expect(plain.output[0]).toEqual({
      ...item,
      summary: [],
      content: [{ type: 'reasoning_text', text: 'Hm.' }],
    });
    expect(summarized.output[0]).toEqual({ ...item, summary: [{ type: 'summary_text', text: 'Hm.' }] });
    expect(plain.output[1]).toMatchObject({ type: 'message', content: [{ text: 'Yes.' }] });
    expect(plain.usage.output_tokens_details.reasoning_tokens).toBeGreaterThan(0);
  });

  it('turns the thoughts off', async () => {
    const { prompt } = await ask(
      { input, reasoning: { effort: 'minimal' } },
      { chatTemplate: templates.thinking },
    );

    expect(prompt).toContain('<think>\n\n</think>');
  });

  it.each([
    ['include', { include: ['message.output_text.logprobs'], top_logprobs: 1 }],
    ['top_logprobs', { top_logprobs: 1 }],
  ])('has the log-probabilities of its text with %s', async (_, fields) => {
    const engine = long(`No. ${toCall({ city: 'Rome' })}`);
    const { output } = await answer({ input, tools: [weather], ...fields }, { engine });
    const { logprobs } = output[0].content[0];

    expect(logprobs.map(({ token }: { token: string }) => token).join('')).toBe('No.');
    expect(logprobs[0]).toEqual({
      token: 'N',
      logprob: -0.5,
      bytes: [78],
      top_logprobs: [{ token: 'N', logprob: -0.5, bytes: [78] }],
    });
  });

  it.each([
    ['Hello.', [], 'Hello.'],
    [`No. ${toCall({ city: 'No.' })}`, [], 'No.'],
    ['Hi ', [...toByteTokens('é').slice(0, 1), ...toByteTokens('!')], 'Hi bytes:\\xc3!'],
  ])('has the log-probabilities of its text behind thoughts: %s', async (text, broken, said) => {
    const tokens = toByteTokens(`<think>Hm.</think>\n\n${text}`);
    const options = {
      engine: new FakeEngine([[...tokens, ...broken]], { contextSize: 1000 }),
      chatTemplate: templates.thinkingWithTools,
    };
    const { output } = await answer({ input, tools: [weather], top_logprobs: 1 }, options);
    const [thoughts, message] = output;

    expect(thoughts.type).toBe('reasoning');
    expect(message.content[0].logprobs.map(({ token }: { token: string }) => token).join('')).toBe(said);
  });
});

describe('text.format', () => {
  it('enforces a schema', async () => {
    const format = {
      type: 'json_schema',
      name: 'a',
      schema: { type: 'object', required: ['b'] },
      strict: true,
    };
    const engine = long('{"b": 1}');
    const { text, output } = await answer({ input, text: { format } }, { engine });

    expect(engine.requests[0]?.grammar).toBeDefined();
    expect(output[0].content[0].text).toBe('{"b": 1}');
    expect(text).toEqual({ format });
  });

  it('may be any JSON object', async () => {
    const engine = long('{}');
    await answer({ input, text: { format: { type: 'json_object' } } }, { engine });

    expect(engine.requests[0]?.grammar).toBeDefined();
  });
});

describe('tools', () => {
  it('of other types are ignored and told', async () => {
    const { headers, prompt, body } = await ask({
      input,
      tools: [{ type: 'web_search', filters: {}, search_context_size: 'low' }, weather],
      tool_choice: { type: 'web_search', name: 'web' },
    });

    expect(headers['x-ignored-fields']).toBe('tools.0, tool_choice');
    expect(prompt).toContain('<tools>');
    expect(JSON.parse(body)).toMatchObject({ tools: [{ name: 'weather' }], tool_choice: 'auto' });
  });

  it('counts an empty tool_choice as absent', async () => {
    const { headers } = await ask({ input, tools: [weather], tool_choice: {} });

    expect(headers).not.toHaveProperty('x-ignored-fields');
  });

  it.each([undefined, null])('are functions without a type: %j', async (type) => {
    const { headers, body, prompt } = await ask({ input, tools: [{ ...weather, type }] });

    expect(headers).not.toHaveProperty('x-ignored-fields');
    expect(prompt).toContain('<tools>');
    expect(JSON.parse(body).tools).toMatchObject([{ type: 'function', name: 'weather' }]);
  });

  it.each([
    ['none', false],
    [{ type: 'allowed_tools', mode: 'auto', tools: [{ type: 'web_search' }] }, false],
    [{ type: 'allowed_tools', mode: 'auto', tools: [] }, false],
    [{ type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'weather' }] }, true],
    [{ type: 'function', name: 'weather' }, true],
    [{ type: 'function', function: { name: 'weather' } }, true],
    ['required', true],
  ])('are called as tool_choice %j says', async (tool_choice, mustCall) => {
    const engine = long(toCall({ city: 'Rome' }));
    const { output } = await answer({ input, tools: [weather], tool_choice }, { engine });

    expect(engine.requests[0]?.grammar !== undefined).toBe(mustCall);
    expect(output[0].type).toBe(mustCall ? 'function_call' : 'message');
  });

  it.each([[[]], [[{ type: 'web_search' }]]])('are refused when a call of %j is required', async (tools) => {
    const tool_choice = { type: 'allowed_tools', mode: 'required', tools };

    expect(await refuse({ input, tools: [weather], tool_choice })).toMatchObject({
      param: 'tool_choice',
      message: expect.stringContaining("there are no 'tools' to call"),
    });
  });
});

describe('a field that changes nothing', () => {
  it.each([
    [{ store: true }, 'store'],
    [{ include: ['reasoning.encrypted_content'] }, 'include.reasoning.encrypted_content'],
    [{ reasoning: { effort: 'high' } }, 'reasoning.effort'],
    [{ text: { verbosity: 'low' } }, 'text.verbosity'],
    [
      {
        input: [
          { type: 'web_search_call', id: 'ws_1' },
          { role: 'user', content: 'Hi' },
        ],
      },
      'input.0',
    ],
    [{ messages: [{ role: 'user', content: 'Hi' }] }, 'messages'],
    [{ service_tier: 'flex' }, 'service_tier'],
  ])('%j is ignored and told as %s', async (fields, told) => {
    const { status, headers } = await ask({ input, ...fields });

    expect(status).toBe(200);
    expect(headers['x-ignored-fields']).toBe(told);
    const strict = await ask({ input, ...fields }, { headers: { 'x-strict-fields': 'true' } });
    expect(JSON.parse(strict.body).error).toMatchObject({
      param: told,
      message: expect.stringContaining(`'${told.split('.encrypted')[0]?.replace('.reasoning', '')}`),
    });
  });

  it('is not told if it states the default', async () => {
    const { headers } = await ask({
      input,
      store: false,
      background: false,
      previous_response_id: null,
      truncation: 'disabled',
      service_tier: 'auto',
      stream_options: { include_obfuscation: false },
    });

    expect(headers['x-ignored-fields']).toBeUndefined();
  });
});

describe('a request', () => {
  it('fails if its input does not fit', async () => {
    const error = await refuse({ input: 'x'.repeat(1000) });

    expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'input' });
  });

  it('fails if it has too many items', async () => {
    const error = await refuse({ input: Array(4097).fill({ type: 'function_call' }) });

    expect(error).toMatchObject({ code: 'invalid_value', param: 'input' });
    expect(error.message).toContain('at most 4096');
  });

  it.each([
    [{ previous_response_id: 'resp_1' }, 'unsupported_parameter', 'previous_response_id'],
    [{ conversation: { id: 'conv_1' } }, 'unsupported_parameter', 'conversation'],
    [{ prompt: { id: 'pmpt_1' } }, 'unsupported_parameter', 'prompt'],
    [{ background: true }, 'unsupported_parameter', 'background'],
    [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, 'invalid_value', 'input.0'],
    [{ input: undefined }, 'missing_required_parameter', 'input'],
    [{ input: [] }, 'invalid_value', 'input'],
    [{ input: ['Hi'] }, 'invalid_value', 'input.0'],
    [{ max_output_tokens: '8' }, 'invalid_value', 'max_output_tokens'],
    [{ temperature: -1 }, 'invalid_value', 'temperature'],
    [{ tool_choice: 'required' }, 'invalid_value', 'tool_choice'],
    [
      { tools: [{ type: 'mcp' }, { ...weather, parameters: { type: 'string' } }] },
      'invalid_value',
      'tools.1.parameters',
    ],
    [{ tools: [{ ...weather, name: 'a b' }] }, 'invalid_value', 'tools.0.name'],
    [
      { text: { format: { type: 'json_schema', schema: { type: 'nothing' } } } },
      'unsupported_schema',
      'text.format',
    ],
    [
      {
        input: [
          { type: 'reasoning', summary: [] },
          { role: 'robot', content: 'Hi' },
        ],
      },
      'invalid_value',
      'input.1.role',
    ],
    [
      {
        instructions: 'Be brief.',
        input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file_1' }] }],
      },
      'invalid_value',
      'input.0.content.0.type',
    ],
  ])('%j fails with %s, which names %s', async (fields, code, param) => {
    const error = await refuse({ input, ...fields });

    expect(error).toMatchObject({ code, param, message: expect.stringContaining(`'${param}'`) });
    expect(error.message).not.toMatch(/messages|function\.parameters|response_format|completion/);
  });
});
