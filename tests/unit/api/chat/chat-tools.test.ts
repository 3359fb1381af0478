import { describe, expect, it } from 'vitest';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { Gbnf } from '../../json-schema/gbnf.ts';
import { seededRandom } from '../../json-schema/seeded-random.ts';
import { chatStreamed, chatWhole } from '../fake-service.ts';
import { joinChunks } from '../joined-chunks.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const toTool = (name: string, properties: object) => ({
  type: 'function',
  function: {
    name,
    parameters: {
      type: 'object',
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
    },
  },
});
const weather = toTool('weather', { city: { type: 'string' } });
const now = { type: 'function', function: { name: 'now' } };
const tools = [weather, now];
const toStrict = (tool: typeof weather) => ({ ...tool, function: { ...tool.function, strict: true } });
const call = (name: string, callArguments: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${callArguments}}\n</tool_call>`;
const paris = '{"city": "Paris"}';

const engineOf = (text: string) => new FakeEngine(text, { contextSize: 3000 });

/** Returns the choice of a whole answer, after checking that the chunks of a stream add up to the same. */
async function ask(fields: object, text: string, chatTemplate = templates.chatMl, engine = engineOf(text)) {
  const body = { messages, tools, ...fields };
  const { choices } = await chatWhole(body, { engine, chatTemplate });
  const [streamed] = joinChunks(await chatStreamed(body, { engine: engineOf(text), chatTemplate }));
  const [whole] = choices;
  const { content, ...message } = streamed?.message ?? {};
  expect(whole).toMatchObject({ message, finish_reason: streamed?.finish_reason });
  expect(content).toBe(whole?.message.content ?? '');
  return whole;
}

/** Returns the grammar that a request generates its text with. */
async function grammarOf(fields: object, chatTemplate = templates.chatMl) {
  const engine = engineOf('<');
  await chatWhole({ messages, tools, ...fields, max_tokens: 1 }, { engine, chatTemplate });
  return engine.requests[0]?.grammar;
}

describe('a tool call', () => {
  it('is in the message, without content', async () => {
    expect(await ask({}, call('weather', paris))).toEqual({
      index: 0,
      message: {
        role: 'assistant',
        content: null,
        refusal: null,
        annotations: [],
        tool_calls: [
          { id: 'call_a1b2_0_0', type: 'function', function: { name: 'weather', arguments: paris } },
        ],
      },
      finish_reason: 'tool_calls',
      logprobs: null,
    });
  });

  it.each(['chatMl', 'withTools', 'thinkingWithTools'] as const)(
    'may follow text and another call, with the template %s',
    async (kind) => {
      const text = `Let me see.\n${call('weather', paris)}\n${call('now', '{"a": "</tool_call>}"}')}\n`;

      expect(await ask({}, text, templates[kind])).toMatchObject({
        message: {
          content: 'Let me see.',
          tool_calls: [
            { id: 'call_a1b2_0_0', function: { name: 'weather', arguments: paris } },
            { id: 'call_a1b2_0_1', function: { name: 'now', arguments: '{"a": "</tool_call>}"}' } },
          ],
        },
        finish_reason: 'tool_calls',
      });
    },
  );

  it('may follow thoughts', async () => {
    expect(
      await ask({}, `<think>Hm.</think>\n${call('now', '{}')}`, templates.thinkingWithTools),
    ).toMatchObject({
      message: { content: null, reasoning_content: 'Hm.', tool_calls: [{ function: { name: 'now' } }] },
      finish_reason: 'tool_calls',
    });
  });

  it('of an unknown function is text', async () => {
    expect(await ask({}, call('other', '{}'))).toMatchObject({
      message: { content: call('other', '{}') },
      finish_reason: 'stop',
    });
  });

  it('has a unique id in every choice', async () => {
    const engine = engineOf(call('now', '{}'));
    const { choices } = await chatWhole(
      { messages, tools, n: 2 },
      { engine, chatTemplate: templates.chatMl },
    );

    expect(choices.flatMap(({ message }) => message.tool_calls?.map(({ id }) => id))).toEqual([
      'call_a1b2_0_0',
      'call_a1b2_1_0',
    ]);
  });

  it('is absent when the model makes none', async () => {
    expect(await ask({}, 'Hello. <tool_call')).toMatchObject({
      message: { content: 'Hello. <tool_call' },
      finish_reason: 'stop',
    });
  });

  it.each([
    ['within its name', 20, undefined, ''],
    ['within its arguments', 57, [{ function: { name: 'weather', arguments: '{"city": "Pa' } }], null],
    ['before its end', 66, [{ function: { name: 'weather', arguments: paris } }], null],
    ['after its end', 82, [{ function: { name: 'weather', arguments: paris } }], null],
  ])('that max_tokens cuts %s is returned in part', async (_, max_tokens, calls, content) => {
    const text = `${call('weather', paris)}\n${call('now', '{}')}`;
    const choice = await ask({ max_tokens }, text);

    expect(choice).toMatchObject({ message: { content }, finish_reason: 'length' });
    expect(choice?.message.tool_calls).toEqual(calls && [expect.objectContaining(calls[0])]);
  });

  it.each([
    ['within its name', ['"wea'], [], 'stop'],
    ['within its arguments', ['Paris'], [{ function: { name: 'weather', arguments: '{"city": "' } }], 'stop'],
    ['after its end', ['Then'], [{ function: { name: 'weather', arguments: paris } }], 'tool_calls'],
  ])('that a stop string cuts %s is returned in part', async (_, stop, calls, finish_reason) => {
    const choice = await ask({ stop }, `${call('weather', paris)}\nThen`);

    expect(choice).toMatchObject({ finish_reason });
    expect(choice?.message.tool_calls ?? []).toMatchObject(calls);
  });

  it.each([
    ['arguments of a wrong type', call('weather', '{"city": 7}')],
    ['a missing argument', call('weather', '{}')],
    ['incomplete arguments', '<tool_call>\n{"name": "weather", "arguments": {"city"'],
    ['an incomplete name', '<tool_call>\n{"name": "wea'],
  ])('with %s is an error when the model ended its text', async (_, text) => {
    const service = { chatTemplate: templates.chatMl };
    const failure = { code: 'invalid_output', status: 500 };
    const body = { messages, tools: [toStrict(weather), now] };

    await expect(chatWhole(body, { ...service, engine: engineOf(text) })).rejects.toMatchObject(failure);
    await expect(chatStreamed(body, { ...service, engine: engineOf(text) })).rejects.toMatchObject(failure);
  });

  it('of a strict tool is generated again when its arguments do not match', async () => {
    const answers = [call('weather', '{"city": 7}'), call('weather', paris)];
    const engine = new FakeEngine(answers, { contextSize: 3000 });
    const body = { messages, tools: [toStrict(weather)] };
    const { choices } = await chatWhole(body, { engine, chatTemplate: templates.chatMl });

    expect(choices[0]?.message.tool_calls).toMatchObject([{ function: { arguments: paris } }]);
  });

  it('of a tool that is not strict has what the grammar enforces', async () => {
    const uneven = toTool('count', { number: { type: 'integer', not: { const: 7 } } });

    expect(await ask({ tools: [uneven] }, call('count', '{"number": 7}'))).toMatchObject({
      message: { tool_calls: [{ function: { arguments: '{"number": 7}' } }] },
    });
  });
});

describe("a schema that llama.cpp's compiler refuses", () => {
  it.each([
    ['any value', { city: true }],
    ['a list of any values', { city: { type: 'array', items: true } }],
  ])('constrains a call all the same: %s', async (_, properties) => {
    for (const chatTemplate of [templates.chatMl, templates.withTools]) {
      const called = { tools: [toTool('weather', properties)], tool_choice: 'required' };
      const grammar = await grammarOf(called, chatTemplate);

      expect(grammar?.gbnf).toContain('city');
    }
  });
});

describe('tool_choice', () => {
  it('none removes the tools from the prompt', async () => {
    const engine = engineOf(call('now', '{}'));

    expect(await ask({ tool_choice: 'none' }, call('now', '{}'), templates.withTools, engine)).toMatchObject({
      message: { content: call('now', '{}') },
      finish_reason: 'stop',
    });
    expect(engine.detokenize(engine.requests[0]?.prompt ?? [])).toBe('[user]Hi[assistant]');
    expect(engine.requests[0]).not.toHaveProperty('grammar');
  });

  it('auto is the default and constrains the text from the start of a call', async () => {
    const [implied, auto] = [await grammarOf({}), await grammarOf({ tool_choice: 'auto' })];

    expect(auto).toEqual(implied);
    const [first, ...others] = auto?.triggers ?? [];
    expect(first).toBe('<tool_call>');
    // In the other forms the name of a function is a part of the start.
    for (const trigger of others) expect(trigger).toContain('(?:weather|now)');
  });

  it.each(['required', { type: 'function', function: { name: 'weather' } }])(
    '%j constrains the text from the first token on',
    async (tool_choice) => {
      const grammar = await grammarOf({ tool_choice });

      expect(grammar).not.toHaveProperty('triggers');
      expect(grammar?.gbnf.includes('"now"')).toBe(tool_choice === 'required');
      expect(grammar?.gbnf).toContain('"weather"');
    },
  );

  it('with the name of a function rejects a call of another one', async () => {
    const body = { messages, tools, tool_choice: { type: 'function', function: { name: 'weather' } } };
    const service = { engine: engineOf(call('now', '{}')), chatTemplate: templates.chatMl };

    await expect(chatWhole(body, service)).rejects.toMatchObject({ code: 'invalid_output' });
  });
});

describe('tools with a response_format', () => {
  const fields = {
    response_format: {
      type: 'json_schema',
      json_schema: {
        name: 'note',
        schema: { type: 'object', properties: { note: { type: 'string' } }, required: ['note'] },
      },
    },
  };

  it('allow either a call or JSON, which may contain the mark of a call', async () => {
    const note = '{"note": "<tool_call>"}';

    expect(await ask(fields, call('weather', paris))).toMatchObject({ finish_reason: 'tool_calls' });
    expect(await ask(fields, note)).toMatchObject({ message: { content: note }, finish_reason: 'stop' });
  });

  it.each([
    [{ parameters: { properties: { a: { not: 7 } } } }, {}, 'tools.1.function.parameters', "the tool 'a' "],
    [{}, { not: 7 }, 'response_format', "'response_format' cannot be used"],
  ])('are rejected with the field that has a malformed schema', async (given, schema, param, says) => {
    const body = {
      messages,
      tools: [now, { type: 'function', function: { name: 'a', ...given } }],
      response_format: { type: 'json_schema', json_schema: { name: 'b', schema } },
    };
    const service = { engine: engineOf(''), chatTemplate: templates.chatMl };

    await expect(chatWhole(body, service)).rejects.toMatchObject({
      code: 'unsupported_schema',
      param,
      message: expect.stringContaining(says),
    });
  });
});

describe('every text that the grammar allows', () => {
  const format = { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'array' } } };
  const random = seededRandom(1);

  it.each([
    ['optional calls', {}, 'chatMl'],
    ['one call', { parallel_tool_calls: false }, 'chatMl'],
    ['required calls', { tool_choice: 'required' }, 'withTools'],
    ['calls of one function', { tool_choice: { type: 'function', function: { name: 'weather' } } }, 'chatMl'],
    ['calls or JSON', { response_format: format }, 'chatMl'],
    ['calls after thoughts', { tool_choice: 'required' }, 'thinkingWithTools'],
    ['calls or JSON after thoughts', { response_format: format }, 'thinkingWithTools'],
    ['calls within thoughts', { tool_choice: 'required' }, 'alwaysThinking'],
  ] as const)('is parsed without an error: %s', async (_, fields, kind) => {
    const { gbnf = '', prefix = '' } = (await grammarOf(fields, templates[kind])) ?? { gbnf: '' };
    const grammar = new Gbnf(gbnf);

    for (let round = 0; round < 10; ) {
      const sample = grammar.sample(random);
      // The grammar also allows what the prompt has ruled out, and long texts take long.
      if (!sample.startsWith(prefix) || sample.length > 600) continue;
      round += 1;
      const text = sample.slice(prefix.length);
      const choice = await ask(fields, text, templates[kind], engineOf(text));
      const calls = choice?.message.tool_calls ?? [];
      expect(choice?.finish_reason).toBe(calls.length > 0 ? 'tool_calls' : 'stop');
      if (!('response_format' in fields)) expect(calls.length).toBeGreaterThan(0);
      if ('parallel_tool_calls' in fields) expect(calls).toHaveLength(1);
    }
  });
});
