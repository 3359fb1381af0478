// Messages that clients send back: from this server, from other servers, and cut off.
import { describe, expect, it } from 'vitest';
import { parseChatRequest } from '../../../../src/api/chat/chat-request.ts';
import { toConversation } from '../../../../src/api/chat/history.ts';

const read = (...messages: object[]) => toConversation(parseChatRequest({ messages }).messages);
const call = (fields: object) => ({ role: 'assistant', content: null, tool_calls: [fields] });
const text = (value: string) => ({ type: 'text', text: value });

describe('an earlier answer', () => {
  it.each([
    ['reasoning_content', { reasoning_content: 'Hm.' }],
    ['reasoning', { reasoning: 'Hm.' }],
    ['a list of reasoning', { reasoning: [{ type: 'text', text: 'Hm.' }] }],
    ['a summary', { reasoning: { effort: 'low', summary: [{ type: 'summary_text', text: 'Hm.' }] } }],
    ['thinking', { thinking: 'Hm.' }],
    ['thinking_blocks', { thinking_blocks: [{ type: 'thinking', thinking: 'Hm.', signature: 'x' }] }],
    ['reasoning_details', { reasoning_details: [{ type: 'reasoning.text', text: 'Hm.', format: null }] }],
    ['a thinking part', { content: [{ type: 'thinking', thinking: 'Hm.', signature: 'x' }, text('Yes?')] }],
    ['a part of parts', { content: [{ type: 'thinking', thinking: [text('Hm.')] }, text('Yes?')] }],
    ['one name of two', { reasoning: 'Hm.', reasoning_content: null }],
  ])('has its thoughts from %s', (_, fields) => {
    const [answer] = read({ role: 'assistant', content: 'Yes?', ...fields });

    expect(answer).toMatchObject({ role: 'assistant', reasoning: 'Hm.' });
    expect([answer?.content].flat()).toEqual([typeof answer?.content === 'string' ? 'Yes?' : text('Yes?')]);
  });

  it.each([
    [null, ''],
    [undefined, ''],
    ['', ''],
    [[], ''],
    [{}, ''],
    [{ answer: 42 }, '{"answer":42}'],
    [42, '42'],
    [
      [text('a'), 'b', { type: 'output_text', text: 'c', annotations: [] }],
      [text('a'), text('b'), text('c')],
    ],
    [[{ type: 'refusal', refusal: 'No.' }], [text('No.')]],
    [[{ type: 'tool_use', id: 'a', input: {} }, { type: 'redacted_thinking', data: 'x' }, null], []],
  ])('with the content %j has the content %j', (content, expected) => {
    expect(read({ role: 'assistant', content })).toEqual([
      { role: 'assistant', content: expected, calls: [] },
    ]);
  });

  it('that refused has its refusal', () => {
    expect(read({ role: 'assistant', content: null, refusal: 'No.' })).toMatchObject([{ content: 'No.' }]);
    expect(read({ role: 'assistant', content: 'Yes.', refusal: '' })).toMatchObject([{ content: 'Yes.' }]);
  });

  it.each([
    [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }, ['a', 'f', '{}']],
    [{ id: 'a', function: { name: 'f', arguments: { x: 1 } }, extra_content: {} }, ['a', 'f', { x: 1 }]],
    [{ function: { name: 'f', arguments: '{"x": ' } }, ['call_0', 'f', '{"x": ']],
    [{ id: null, type: null, function: { name: 'f', arguments: null } }, ['call_0', 'f', {}]],
    [{ id: 7, type: 'function', function: { name: 'a b/c', arguments: '' } }, ['7', 'a b/c', {}]],
    [{ id: 'a', type: 'function', function: {} }, ['a', '', {}]],
    [{ id: 'a', type: 'custom', custom: { name: 'f', input: 'SELECT 1' } }, ['a', 'f', 'SELECT 1']],
    [{ id: 'a', type: 'tool_call', name: 'f', args: { x: 1 } }, ['a', 'f', { x: 1 }]],
    [{ id: 'a', index: 0, type: 'function', function: null, name: 'f' }, ['a', 'f', {}]],
  ])('with the call %j has it', (given, [id, name, parameters]) => {
    expect(read(call(given))).toMatchObject([{ calls: [{ id, name, arguments: parameters }] }]);
  });

  it.each([[null], ['text'], [7], [{}], [[]], [[null, 'text', 7]]])('has no calls from %j', (calls) => {
    expect(read({ role: 'assistant', content: 'Hi', tool_calls: calls })).toMatchObject([{ calls: [] }]);
  });

  it('has the call of the field function_call', () => {
    const legacy = { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } };

    expect(read(legacy)).toMatchObject([{ calls: [{ id: 'call_0', name: 'f', arguments: '{}' }] }]);
  });
});

describe('the result of a tool', () => {
  it.each([
    ['12', '12'],
    [null, ''],
    [undefined, ''],
    [12, '12'],
    [true, 'true'],
    [{ t: 12 }, '{"t":12}'],
    [[text('12')], [text('12')]],
    [
      [{ t: 12 }, 'a', 3],
      [text('{"t":12}'), text('a'), text('3')],
    ],
  ])('%j is the content %j', (content, expected) => {
    expect(read({ role: 'tool', tool_call_id: 'a', content })).toEqual([
      { role: 'tool', content: expected, callId: 'a' },
    ]);
  });

  it('may have no id, or the role and the name of a function', () => {
    expect(read({ role: 'tool', content: '12' })).toEqual([{ role: 'tool', content: '12' }]);
    expect(read({ role: 'function', name: 'f', content: '12' })).toEqual([
      { role: 'tool', content: '12', name: 'f' },
    ]);
  });

  it.each([
    [[text('')], [text('')]],
    [[{ type: 'text' }, { type: 'text', text: null }], []],
  ])('may be an empty text: %j', (content, expected) => {
    expect(read({ role: 'tool', content })).toEqual([{ role: 'tool', content: expected }]);
  });

  it('has an image as an image', () => {
    expect(read({ role: 'tool', content: [{ type: 'image', data: 'AAAA' }] })).toMatchObject([
      { content: [{ type: 'image' }] },
    ]);
  });
});

describe('the content of a user', () => {
  it.each([
    [null, ''],
    [[], []],
    [[null, { type: 'text', text: null }, text('')], [text('')]],
    [['a', text('b'), { text: 'c' }, { type: 'input_text', text: 'd' }], ['a', 'b', 'c', 'd'].map(text)],
    [
      [{ type: 'image_url', image_url: { url: 'a' } }, { image_url: 'a' }],
      [{ type: 'image' }, { type: 'image' }],
    ],
  ])('%j is read as %j', (content, expected) => {
    expect(read({ role: 'user', content })).toEqual([{ role: 'user', content: expected }]);
  });

  it.each([
    [{ type: 'video' }, 'messages.0.content.0.type'],
    [{ type: 'input_audio', input_audio: {} }, 'messages.0.content.0.type'],
    [{ type: 'text', text: 7 }, 'messages.0.content.0.text'],
    [{ type: 'text' }, 'messages.0.content.0.text'],
    [{}, 'messages.0.content.0.type'],
  ])('with the part %j is rejected', (part, param) => {
    expect(() => read({ role: 'user', content: [part] })).toThrow(
      expect.objectContaining({ status: 400, code: 'invalid_value', param }),
    );
  });
});
