import { describe, expect, it } from 'vitest';
import { toInputItems } from '../../../../src/api/responses/input-items.ts';
import { toInputMessages } from '../../../../src/api/responses/input-messages.ts';
import { ForeignFields } from '../../../../src/generation/foreign-fields.ts';
import { templates } from '../../chat/templates.ts';
import { ask, weather } from './ask.ts';

const user = { role: 'user', content: 'Hi' };
const reasoning = {
  type: 'reasoning',
  id: 'rs_1',
  summary: [],
  content: [{ type: 'reasoning_text', text: 'Hm.' }],
};
const answer = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text: 'Hm?', annotations: [], logprobs: [] }],
};
const call = {
  type: 'function_call',
  id: 'fc_1',
  call_id: 'a',
  name: 'f',
  arguments: '{"x":1}',
  status: 'completed',
};
const output = { type: 'function_call_output', call_id: 'a', output: '12' };

async function toMessages(input: string | unknown[], instructions?: string) {
  return toInputMessages(await toInputItems({ input }), instructions, new ForeignFields());
}

describe('the input', () => {
  it('as a text is a message of the user, after the instructions', async () => {
    expect(await toMessages('Hi', 'Be brief.')).toEqual({
      messages: [{ role: 'system', content: 'Be brief.' }, user],
      paths: ['instructions', 'input'],
    });
  });

  it.each([undefined, null, ''])('has messages of the type %j', async (type) => {
    expect((await toMessages([{ ...user, type }])).messages).toEqual([user]);
  });

  it('joins thoughts, a text and calls to one message', async () => {
    const toolCall = { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } };
    const { messages, paths } = await toMessages([
      user,
      reasoning,
      answer,
      call,
      { ...call, call_id: 'b' },
      output,
      user,
    ]);

    expect(messages).toEqual([
      user,
      {
        role: 'assistant',
        reasoning_content: reasoning.content,
        content: [{ type: 'output_text', text: 'Hm?' }],
        tool_calls: [toolCall, { ...toolCall, id: 'b' }],
      },
      { role: 'tool', tool_call_id: 'a', content: '12' },
      user,
    ]);
    expect(paths).toEqual(['input.0', 'input.1', 'input.5', 'input.6']);
  });

  it('starts a new message when an item cannot follow the one before', async () => {
    const { paths } = await toMessages([answer, answer, reasoning, call, answer, call, reasoning, reasoning]);

    expect(paths).toEqual(['input.0', 'input.1', 'input.2', 'input.4', 'input.6', 'input.7']);
  });

  it('has calls of custom tools, and thoughts in a summary', async () => {
    const { messages } = await toMessages([
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }], content: null },
      { type: 'custom_tool_call', call_id: 'a', name: 'f', input: 'x' },
      { type: 'custom_tool_call_output', call_id: 'a', output: [{ type: 'input_text', text: '12' }] },
    ]);

    expect(messages).toEqual([
      {
        role: 'assistant',
        reasoning_content: [{ type: 'summary_text', text: 'Hm.' }],
        tool_calls: [{ id: 'a', type: 'custom', custom: { name: 'f', input: 'x' } }],
      },
      { role: 'tool', tool_call_id: 'a', content: [{ type: 'input_text', text: '12' }] },
    ]);
  });

  it('becomes the prompt, and no field of an item that was an answer is foreign', async () => {
    const system = {
      type: 'message',
      role: 'developer',
      content: [{ type: 'input_text', text: 'Be brief.' }],
    };
    const { prompt, headers } = await ask({
      input: [
        system,
        user,
        answer,
        { ...call, parsed_arguments: { x: 1 } },
        output,
        { ...user, phase: null },
      ],
      tools: [weather],
    });

    expect(headers['x-ignored-fields']).toBeUndefined();
    expect(prompt).toContain(
      '[system]Be brief.[user]Hi[assistant]Hm?<tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call>[tool]12[user]Hi[assistant]',
    );
  });

  it('has thoughts for a model that reads them', async () => {
    const { prompt } = await ask({ input: [reasoning, answer, user] }, { chatTemplate: templates.thinking });

    expect(prompt).toContain('[assistant]<think>Hm.</think>Hm?[user]Hi');
  });

  it('may have a note for an image', async () => {
    const image = { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'auto' };
    const input = [{ role: 'user', content: [{ type: 'input_text', text: 'Hi' }, image] }];
    const { prompt, headers } = await ask({ input }, { imagePlaceholders: true });

    expect(prompt).toMatch(/\[user\]Hi.*image/s);
    expect(headers['x-ignored-fields']).toBeUndefined();
    expect((await ask({ input })).status).toBe(400);
  });
});
