import { describe, expect, it } from 'vitest';
import { parseChatRequest } from '../../../../src/api/chat/chat-request.ts';
import { unsupportedFields } from '../../../../src/api/completions/completion-request.ts';
import { ForeignFields } from '../../../../src/generation/foreign-fields.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const tool = (name: string, parameters?: object) => ({ type: 'function', function: { name, parameters } });
const parse = (fields: object, foreign?: ForeignFields) =>
  parseChatRequest({ model: 'fake', messages, ...fields }, foreign);
const parseStrictly = (fields: object) => parse(fields, new ForeignFields({ strict: true }));
const parseMessage = (message: object) => parse({ messages: [...messages, message] });

/** Fields of OpenAI's and other servers' chats that change nothing here. */
const foreignFields = [
  ...Object.keys(unsupportedFields),
  'functions',
  'function_call',
  'audio',
  'prediction',
  'web_search_options',
  'verbosity',
  'prompt_cache_retention',
  'chat_template',
  'reasoning',
  'reasoning_format',
  'suffix',
  'echo',
  'best_of',
];

describe('parseChatRequest', () => {
  it.each(foreignFields)('ignores %s, and rejects it with a reason under the strict rule', (field) => {
    const foreign = new ForeignFields();

    expect(parse({ [field]: 1 }, foreign)).not.toHaveProperty(field);
    expect(foreign.ignored).toBe(field);
    expect(() => parseStrictly({ [field]: 1 })).toThrow(
      expect.objectContaining({
        code: 'unsupported_parameter',
        param: field,
        message: expect.stringMatching(new RegExp(`^'${field}' is not supported`)),
      }),
    );
  });

  it('refuses a function_call that demands a call, and ignores one that does not', () => {
    const functions = [{ name: 'f' }];

    expect(() => parse({ functions, function_call: { name: 'f' } })).toThrow(
      expect.objectContaining({
        code: 'unsupported_parameter',
        status: 400,
        param: 'function_call',
        message: expect.stringContaining("use 'tool_choice'"),
      }),
    );
    for (const function_call of ['auto', 'none'])
      expect(parse({ functions, function_call })).not.toHaveProperty('function_call');
  });

  it.each(foreignFields)('takes %s for absent when it says nothing', (field) => {
    for (const neutral of [null, '', [], {}])
      expect(parseStrictly({ [field]: neutral })).not.toHaveProperty(field);
  });

  it.each([
    [{ messages: undefined }, 'messages', "'messages' is required."],
    [{ messages: [] }, 'messages', "'messages' must be a list of at least 1, not a list of 0."],
    [{ messages: 'Hi' }, 'messages', "'messages' must be a list, not a string."],
    [
      { messages: Array(2049).fill(messages[0]) },
      'messages',
      "'messages' must be a list of at most 2048, not a list of 2049.",
    ],
    [{ max_tokens: 0 }, 'max_tokens', "'max_tokens' must be at least 1, not 0."],
    [{ max_tokens: -2 }, 'max_tokens', "'max_tokens' must be at least -1, not -2."],
    [{ max_tokens: 1.5 }, 'max_tokens', "'max_tokens' must be a whole number, not 1.5."],
    [{ max_completion_tokens: '9' }, 'max_completion_tokens', 'must be a number, not a string'],
    [{ top_logprobs: 1 }, 'top_logprobs', "'top_logprobs' needs 'logprobs': true."],
    [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs', "'top_logprobs' must be at most 20, not 21."],
    [{ logprobs: 1 }, 'logprobs', "'logprobs' must be a boolean, not 1."],
    [{ store: 'yes' }, 'store', "'store' must be a boolean, not a string."],
    [{ modalities: ['text', 'audio'] }, 'modalities.1', '"text"'],
    [{ response_format: { type: 'xml' } }, 'response_format.type', "'response_format.type' must be"],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema', 'is required'],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: 7 } } },
      'response_format.json_schema.schema',
      'must be a boolean or an object, not 7',
    ],
    [{ tools: [tool('a b')] }, 'tools.0.function.name', 'must be a name of up to 128 letters'],
    [{ tools: [tool('a'.repeat(129))] }, 'tools.0.function.name', 'must be a name of up to 128 letters'],
    [{ tools: [{ type: 'custom', custom: { name: 'a' } }] }, 'tools.0.type', 'must be "function"'],
    [{ tools: [tool('a'), tool('a')] }, 'tools', "Two 'tools' have the same name."],
    [{ tools: [tool('get_a'), tool('b'), tool('get-a')] }, 'tools', "'get_a' and 'get-a' differ only in"],
    [{ tools: [tool('get__a'), tool('get._a')] }, 'tools', "'get__a' and 'get._a' differ only in"],
    [
      { tools: [tool('a'), tool('b', { type: 'string' })] },
      'tools.1.function.parameters',
      "must be a schema with the type 'object'",
    ],
    [
      { tools: [tool('a', { type: ['object', 'null'] })] },
      'tools.0.function.parameters',
      "must be a schema with the type 'object'",
    ],
    [
      { tools: Array.from({ length: 129 }, (_, index) => tool(`a${index}`)) },
      'tools',
      'a list of at most 128',
    ],
    [{ tool_choice: 'required' }, 'tool_choice', "there are no 'tools'"],
    [{ tool_choice: 'required', tools: [] }, 'tool_choice', "there are no 'tools'"],
    [
      {
        tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [] } },
        tools: [tool('a')],
      },
      'tool_choice',
      "requires a call, but there are no 'tools' to call",
    ],
    [{ tool_choice: 'sometimes', tools: [tool('a')] }, 'tool_choice', '"none" or "auto" or "required"'],
    [
      { tool_choice: { type: 'function', function: { name: 'b' } }, tools: [tool('a')] },
      'tool_choice',
      "not in 'tools'",
    ],
    [
      {
        tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [tool('b')] } },
        tools: [tool('a')],
      },
      'tool_choice',
      "not in 'tools'",
    ],
    [
      { tool_choice: { type: 'function', function: { name: 7 } }, tools: [tool('a')] },
      'tool_choice.function.name',
      'must be a string, not 7',
    ],
  ] as [object, string, string][])('rejects %j', (fields, param, message) => {
    expect(() => parse(fields)).toThrow(
      expect.objectContaining({ status: 400, param, message: expect.stringContaining(message) }),
    );
  });

  it.each([
    [{ prompt: 'a' }, 'prompt', "Unknown parameter 'prompt'."],
    [{ stream: true, stream_options: { other: 1 } }, 'stream_options.other', 'Unknown parameter'],
    [{ stream_options: { include_usage: true } }, 'stream_options', "'stream_options' needs 'stream': true."],
    [{ reasoning_effort: 'much' }, 'reasoning_effort', '"none" or "minimal"'],
    [{ store: true }, 'store', "'store' must be false, not true."],
    [{ service_tier: 'flex' }, 'service_tier', '"auto" or "default"'],
    [{ messages: [{ role: 'user', content: 'Hi', id: 4 }] }, 'messages.0.id', 'Unknown parameter'],
    [
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi', cache_control: { type: 'a' } }] }] },
      'messages.0.content.0.cache_control',
      'Unknown parameter',
    ],
    [
      { messages: [...messages, { role: 'assistant', tool_calls: [{ id: 'a', extra_content: { b: 1 } }] }] },
      'messages.1.tool_calls.0.extra_content',
      'Unknown parameter',
    ],
    [{ messages: [...messages, { role: 'assistant', audio: { id: 'a' } }] }, 'messages.1.audio', 'Unknown'],
    [{ tools: [{ ...tool('a'), cache_control: { type: 'b' } }] }, 'tools.0.cache_control', 'Unknown'],
  ] as [object, string, string][])(
    'ignores %j, and rejects it under the strict rule',
    (fields, param, message) => {
      const foreign = new ForeignFields();
      parse(fields, foreign);

      expect(foreign.ignored).toBe(param);
      expect(() => parseStrictly(fields)).toThrow(
        expect.objectContaining({ status: 400, param, message: expect.stringContaining(message) }),
      );
    },
  );

  it.each([
    [{ content: 'Hi' }, 'messages.1.role', 'is required'],
    [{ role: 'bot', content: 'Hi' }, 'messages.1.role', '"tool" or "function", not "bot"'],
    [{ role: 'user' }, 'messages.1.content', 'is required'],
    [{ role: 'user', content: 7 }, 'messages.1.content', 'must be a string or a list, not 7'],
    [{ role: 'user', content: [7] }, 'messages.1.content.0', 'must be'],
  ] as [object, string, string][])('rejects the message %j', (message, param, text) => {
    expect(() => parseMessage(message)).toThrow(
      expect.objectContaining({ status: 400, param, message: expect.stringContaining(text) }),
    );
  });

  it.each([
    ['any', 'required', ['a', 'b']],
    [{ type: 'any' }, 'required', ['a', 'b']],
    [{ type: 'auto' }, 'auto', ['a', 'b']],
    [{ type: 'function', name: 'b' }, { type: 'function', function: { name: 'b' } }, ['a', 'b']],
    [{ type: 'tool', name: 'b' }, { type: 'function', function: { name: 'b' } }, ['a', 'b']],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [{ function: { name: 'b' } }] } },
      'required',
      ['b'],
    ],
    [{ type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [] } }, 'auto', []],
  ])('reads the tool_choice %j as %j of %j', (tool_choice, choice, names) => {
    const request = parse({ tools: [tool('a'), tool('b')], tool_choice });

    expect(request.tool_choice).toEqual(choice);
    expect(request.tools?.map((each) => each.function.name)).toEqual(names);
  });

  it('accepts fields that change nothing', () => {
    const fields = {
      user: 'a',
      safety_identifier: 'b',
      prompt_cache_key: 'c',
      metadata: { d: 7 },
      store: false,
      service_tier: 'auto',
      reasoning_effort: 'low',
      modalities: ['text'],
      tools: [],
      tool_choice: 'auto',
      parallel_tool_calls: null,
      response_format: { type: 'text' },
    };

    expect(parseStrictly(fields)).toMatchObject({ parallel_tool_calls: true });
  });

  it('reads no names from the prototype', () => {
    const parsed = parseChatRequest(
      JSON.parse(
        '{"model": "fake", "messages": [{"role": "user", "content": "Hi"}],' +
          ' "metadata": {"__proto__": "x", "constructor": "y"}, "chat_template_kwargs": {"__proto__": {"polluted": 1}},' +
          ' "tools": [{"type": "function", "function": {"name": "toString"}}, {"type": "function", "function": {"name": "__proto__"}}]}',
      ),
    );

    expect(parsed.chat_template_kwargs).not.toHaveProperty('polluted');
    expect({}).not.toHaveProperty('polluted');
  });
});
