// What the fields of a request in Anthropic's format become in a chat.
import { describe, expect, it } from 'vitest';
import { toChatBody } from '../../../../src/api/messages/chat-body.ts';
import { parseMessagesRequest } from '../../../../src/api/messages/messages-request.ts';
import { ForeignFields } from '../../../../src/generation/foreign-fields.ts';

const hi = [{ role: 'user', content: 'Hi' }];
const text = (text: string) => ({ type: 'text', text });

/** Returns the chat's body without the fields that are absent, and the paths of what is ignored. */
function convert(body: object) {
  const foreign = new ForeignFields();
  const converted = toChatBody(parseMessagesRequest({ messages: hi, ...body }, foreign), foreign);
  return { chat: JSON.parse(JSON.stringify(converted.body)), ignored: foreign.ignored };
}

const messagesOf = (...messages: object[]) => convert({ messages }).chat.messages;

describe('the system prompt', () => {
  it.each([
    ['Be brief.', 'Be brief.'],
    [
      [text('Be brief.'), { ...text('Be kind.'), cache_control: { type: 'ephemeral', ttl: '1h' } }],
      'Be brief.\n\nBe kind.',
    ],
    ['x-anthropic-billing-header: cc_version=2.1; cch=a1b2;\nBe brief.', 'Be brief.'],
    [[text('x-anthropic-billing-header: cc_version=2.1; cch=a1b2;'), text('Be brief.')], 'Be brief.'],
    ['Say x-anthropic-billing-header: a', 'Say x-anthropic-billing-header: a'],
  ])('becomes the first message: %j', (system, content) => {
    const { chat, ignored } = convert({ system });

    expect(chat.messages).toEqual([{ role: 'system', content }, ...hi]);
    expect(ignored).toBeUndefined();
  });

  it.each([undefined, null, '', []])('may be absent: %j', (system) => {
    expect(convert({ system }).chat.messages).toEqual(hi);
  });

  it('may be in the conversation too', () => {
    const later = { role: 'system', content: [text('Be brief.')] };

    expect(messagesOf(...hi, later)).toEqual([...hi, later]);
  });
});

describe("a user's turn", () => {
  it('keeps its blocks apart', () => {
    const [{ content }] = messagesOf({ role: 'user', content: [text('<reminder/>'), text('Hi')] });

    expect(content).toEqual([text('<reminder/>'), text('\nHi')]);
  });

  it('has images, which the chat judges', () => {
    const source = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' };
    const [{ content }] = messagesOf({ role: 'user', content: [text('This?'), { type: 'image', source }] });

    expect(content).toEqual([text('This?'), { type: 'image' }]);
  });

  it.each([
    [
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Text.' }, title: 'A' },
      text('A\nText.'),
    ],
    [{ type: 'document', source: { type: 'content', content: [text('B'), text('C')] } }, text('B\nC')],
    [{ type: 'document', source: { type: 'content', content: 'B' } }, text('B')],
    [{ type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } }, { type: 'file' }],
    [{ type: 'document', source: { type: 'content', content: [{ type: 'image' }] } }, { type: 'file' }],
    [
      { type: 'search_result', title: 'A', source: 'https://a', content: [text('B')] },
      text('A\nhttps://a\nB'),
    ],
    [
      { type: 'container_upload', file_id: 'f' },
      { type: 'container_upload', file_id: 'f' },
    ],
  ])('has documents as their texts: %j', (block, part) => {
    expect(messagesOf({ role: 'user', content: [block] })).toEqual([{ role: 'user', content: [part] }]);
  });

  it('becomes a message for each result, and one for what is between them', () => {
    const result = (id: string, content?: unknown) => ({ type: 'tool_result', tool_use_id: id, content });
    const content = [result('a', 'Sunny.'), result('b', [text('1'), text('2')]), text('Go on.'), result('c')];

    expect(messagesOf({ role: 'user', content })).toEqual([
      { role: 'tool', tool_call_id: 'a', content: [text('Sunny.')] },
      { role: 'tool', tool_call_id: 'b', content: [text('1'), text('\n2')] },
      { role: 'user', content: [text('Go on.')] },
      { role: 'tool', tool_call_id: 'c', content: [text('')] },
    ]);
  });

  it.each([
    [{ content: 'No file.', is_error: true }, [text('Error:'), text('No file.')]],
    [{ content: 'Fine.', is_error: false }, [text('Fine.')]],
    [{ is_error: true }, [text('Error:'), text('')]],
    [{ content: { a: 1 } }, [{ a: 1 }]],
    [{ content: 42 }, [text('42')]],
    [{ content: [{ type: 'image', source: {} }] }, [{ type: 'image' }]],
    [{ content: [{ type: 'tool_reference', tool_name: 'a' }] }, [{ type: 'tool_reference', tool_name: 'a' }]],
  ])('has the result of a tool as it is: %j', (fields, content) => {
    const block = { type: 'tool_result', tool_use_id: 'a', ...fields };

    expect(messagesOf({ role: 'user', content: [block] })).toEqual([
      { role: 'tool', tool_call_id: 'a', content },
    ]);
  });

  it.each([[], ''])('may be empty: %j', (content) => {
    expect(messagesOf({ role: 'user', content })).toEqual([{ role: 'user', content }]);
  });
});

describe('an earlier answer', () => {
  it.each([null, undefined, ''])('may be empty: %j', (content) => {
    expect(messagesOf(...hi, { role: 'assistant', content }, ...hi)[1]).toEqual({
      role: 'assistant',
      content: '',
    });
  });

  it('has its thoughts, its text and its calls', () => {
    const content = [
      { type: 'thinking', thinking: 'Hm.', signature: 'x' },
      { type: 'redacted_thinking', data: 'abc' },
      { ...text('Let me see.'), citations: [{ type: 'char_location' }] },
      { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 }, caller: { type: 'direct' } },
      { type: 'tool_use', id: 'toolu_2', name: 'g' },
    ];
    const { chat, ignored } = convert({ messages: [...hi, { role: 'assistant', content }, ...hi] });

    expect(chat.messages[1]).toEqual({
      role: 'assistant',
      content: 'Let me see.',
      reasoning_content: 'Hm.',
      tool_calls: [
        { id: 'toolu_1', type: 'function', function: { name: 'f', arguments: { a: 1 } } },
        { id: 'toolu_2', type: 'function', function: { name: 'g', arguments: {} } },
      ],
    });
    expect(ignored).toBeUndefined();
  });

  it("leaves out what Anthropic's own tools did, and tells it", () => {
    const content = [
      { type: 'server_tool_use', id: 'a', name: 'web_search', input: {} },
      { type: 'web_search_tool_result', tool_use_id: 'a', content: [] },
      text('It rains'),
      { ...text(' today.'), citations: [{ type: 'web_search_result_location' }] },
    ];
    const { chat, ignored } = convert({ messages: [...hi, { role: 'assistant', content }, ...hi] });

    expect(chat.messages[1]).toEqual({ role: 'assistant', content: 'It rains today.' });
    expect(ignored).toBe('messages.1.content.0, messages.1.content.1');
  });
});

describe('tools', () => {
  const schema = { type: 'object', properties: {} };

  it('become functions', () => {
    const cache_control = { type: 'ephemeral' };
    const tools = [
      { name: 'f', description: 'F.', input_schema: schema, cache_control },
      { type: 'custom', name: 'g', input_schema: schema, strict: true, eager_input_streaming: true },
      { type: null, name: 'h', input_schema: schema },
    ];
    const { chat, ignored } = convert({ tools });

    expect(chat.tools).toEqual([
      { type: 'function', function: { name: 'f', description: 'F.', parameters: schema } },
      { type: 'function', function: { name: 'g', parameters: schema, strict: true } },
      { type: 'function', function: { name: 'h', parameters: schema } },
    ]);
    expect(ignored).toBeUndefined();
  });

  it("of Anthropic's are left out, and told", () => {
    const tools = [
      { type: 'web_search_20250305', name: 'web_search', max_uses: 5 },
      { name: 'f', input_schema: schema, input_examples: [{}] },
      { type: 'bash_20250124', name: 'bash' },
    ];
    const { chat, ignored } = convert({ tools });

    expect(chat.tools).toMatchObject([{ function: { name: 'f' } }]);
    expect(ignored).toBe('tools.1.input_examples, tools.0, tools.2');
  });

  it('fail under the strict rule if they are not used', () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search' }];
    const request = parseMessagesRequest({ messages: hi, tools });
    const foreign = new ForeignFields({ strict: true });

    expect(() => toChatBody(request, foreign)).toThrow("'tools.0' is not supported");
  });

  it.each([
    [undefined, {}],
    [{ type: 'auto' }, { tool_choice: 'auto' }],
    [{ type: 'any' }, { tool_choice: 'any' }],
    [{ type: 'none' }, { tool_choice: 'none' }],
    [{ type: 'tool', name: 'f' }, { tool_choice: { type: 'tool', name: 'f' } }],
    [
      { type: 'auto', disable_parallel_tool_use: true },
      { tool_choice: 'auto', parallel_tool_calls: false },
    ],
    [
      { type: 'any', disable_parallel_tool_use: false },
      { tool_choice: 'any', parallel_tool_calls: true },
    ],
  ])('are chosen by %j', (tool_choice, expected) => {
    const { tool_choice: choice, parallel_tool_calls: parallel } = convert({ tool_choice }).chat;

    expect({
      ...(choice && { tool_choice: choice }),
      ...(parallel !== undefined && { parallel_tool_calls: parallel }),
    }).toEqual(expected);
  });
});

describe('the effort', () => {
  it.each([
    [{}, 'none'],
    [{ thinking: { type: 'disabled' } }, 'none'],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, 'medium'],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'low' } }, 'low'],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }, 'xhigh'],
  ])('of a model that thinks, by %j', (fields, effort) => {
    expect(convert(fields).chat.reasoning_effort).toBe(effort);
  });
});

describe('fields', () => {
  it('of Anthropic that change nothing are taken without a word', () => {
    const fields = {
      metadata: { user_id: 'someone' },
      service_tier: 'standard_only',
      cache_control: { type: 'ephemeral' },
    };

    expect(convert(fields).ignored).toBeUndefined();
  });

  it('that the server does not know are told', () => {
    const fields = { context_management: { edits: [{ type: 'clear_thinking_20251015' }] }, container: 'c' };

    expect(convert(fields).ignored).toBe('context_management, container');
  });
});
