// Converts messages to prompts, through POST /apply-template.
import { describe, expect, it } from 'vitest';
import { applyTemplate } from '../../../src/api/chat/chat-prompt.ts';
import { FakeEngine } from '../fake-engine.ts';
import { templates } from './templates.ts';

const engine = new FakeEngine();

async function render(
  chatTemplate: keyof typeof templates,
  body: object,
  service: { imagePlaceholders?: boolean } = {},
): Promise<string> {
  const answer = await applyTemplate(body, {
    engine,
    model: 'fake-1b',
    chatTemplate: templates[chatTemplate],
    ...service,
  });
  return answer.prompt;
}

const user = (content: unknown) => ({ role: 'user', content });
const tool = {
  type: 'function',
  function: { name: 'weather', description: 'The weather', parameters: { type: 'object' } },
};
const call = (id: string, city: string) => ({
  id,
  type: 'function',
  function: { name: 'weather', arguments: JSON.stringify({ city }) },
});
const conversation = [
  user('Where is it warm?'),
  { role: 'assistant', content: 'Let me see.', tool_calls: [call('1', 'Paris'), call('2', 'Oslo')] },
  { role: 'tool', tool_call_id: '1', content: '20' },
  { role: 'tool', tool_call_id: '2', content: [{ type: 'text', text: '5' }] },
];

describe('the prompt', () => {
  it('is rendered by the template', async () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      user('Hi'),
      { role: 'assistant', content: 'Yes?' },
      user('Bye'),
    ];

    expect(await render('chatMl', { messages })).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n' +
        '<|im_start|>assistant\nYes?<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  it('has a developer message as a system message', async () => {
    expect(await render('chatMl', { messages: [{ role: 'developer', content: 'Be brief.' }] })).toContain(
      '<|im_start|>system\nBe brief.<|im_end|>',
    );
  });

  it('has the parts of a message, each on a line', async () => {
    const parts = [
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two' },
    ];

    for (const role of ['system', 'user', 'assistant', 'tool']) {
      const message = { role, content: parts, ...(role === 'tool' && { tool_call_id: '1' }) };
      expect(await render('chatMl', { messages: [message] })).toContain('one\ntwo');
    }
  });

  it('has the system message in the first user message when the template rejects it', async () => {
    const messages = [{ role: 'system', content: 'Be brief.' }, user('Hi')];

    expect(await render('strict', { messages })).toBe('<s>[user]Be brief.\nHi[model]');
  });

  it.each([
    [[{ role: 'system', content: 'Be brief.' }], '[user]Be brief.'],
    [[user('Hi'), user('Ho')], '[user]Hi\n\nHo'],
    [[{ role: 'system', content: 'Be brief.' }, user('Hi'), user('Ho')], '[user]Be brief.\nHi\n\nHo'],
    [[{ role: 'assistant', content: 'Yes?' }, user('Hi')], '[user][assistant]Yes?[user]Hi'],
    [
      [
        user('Hi'),
        { role: 'assistant', content: 'Yes?' },
        { role: 'system', content: 'Be brief.' },
        user('Ho'),
      ],
      '[user]Hi[assistant]Yes?[user]Be brief.\n\nHo',
    ],
  ])('has turns of the user and the assistant when the template wants them: %j', async (messages, turns) => {
    expect(await render('strict', { messages })).toBe(`<s>${turns}[model]`);
  });

  it("is rejected with the template's reason when no form of the messages suits it", async () => {
    await expect(render('refusing', { messages: [user('Hi')] })).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'messages',
      status: 400,
      message: expect.stringMatching(/I take no messages/),
    });
  });

  it('is rejected without a valid template', async () => {
    const messages = [user('Hi')];

    await expect(render('unreadable', { messages })).rejects.toMatchObject({ code: 'invalid_value' });
    await expect(applyTemplate({ messages }, { engine, model: 'fake-1b' })).rejects.toMatchObject({
      code: 'unsupported_parameter',
      param: 'messages',
    });
  });

  it('uses chat_template_kwargs, which cannot replace the messages', async () => {
    const kwargs = {
      messages: [user('other')],
      add_generation_prompt: false,
      bos_token: 'x',
      enable_thinking: false,
    };

    expect(await render('strict', { messages: [user('Hi')], chat_template_kwargs: kwargs })).toBe(
      '<s>[user]Hi[model]',
    );
    expect(await render('thinking', { messages: [user('Hi')], chat_template_kwargs: kwargs })).toBe(
      '[user]Hi[assistant]<think>\n\n</think>\n\n',
    );
  });

  it('has an earlier answer as the client received it', async () => {
    const answer = {
      role: 'assistant',
      content: 'Yes?',
      refusal: null,
      annotations: null,
      audio: null,
      function_call: null,
      tool_calls: null,
      reasoning_content: 'Hm.',
      name: null,
    };

    expect(await render('thinking', { messages: [user('Hi'), answer, user('Ho')] })).toBe(
      '[user]Hi[assistant]<think>Hm.</think>Yes?[user]Ho[assistant]',
    );
  });
});

describe('an image in a message', () => {
  const messages = [
    user([
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
    ]),
  ];

  it('is rejected with the index of its message', async () => {
    await expect(render('chatMl', { messages })).rejects.toMatchObject({
      code: 'unsupported_parameter',
      param: 'messages.0.content',
    });
  });

  it('is replaced by a note when imagePlaceholders is on', async () => {
    expect(await render('chatMl', { messages }, { imagePlaceholders: true })).toContain(
      'What is it?\n[An image was here. This model reads text only, so it was left out.]',
    );
  });
});

describe('the prompt with tools', () => {
  it('has tools, calls and answers as the template writes them', async () => {
    expect(await render('withTools', { messages: conversation, tools: [tool] })).toBe(
      `<tools>\n${jinjaJson(tool)}\n</tools> Call them within <tool_call></tool_call>.\n` +
        '[user]Where is it warm?[assistant]Let me see.<tool_call>{"name": "weather", "arguments": {"city": "Paris"}}</tool_call>' +
        '<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call>[tool]20[tool]5[assistant]',
    );
  });

  it('has tools in the system message and joined answers when the template has no tools', async () => {
    const prompt = await render('strict', { messages: conversation, tools: [tool] });

    expect(prompt).toMatch(/^<s>\[user\]# Tools\n/);
    expect(prompt).toContain(`<tools>\n${JSON.stringify(tool)}\n</tools>`);
    expect(prompt).toContain(
      '<tool_call>\n{"name": "<function-name>", "arguments": <args-json-object>}\n</tool_call>',
    );
    expect(prompt).toMatch(/\nWhere is it warm\?\[assistant\]/);
    expect(prompt).toContain(
      '[assistant]Let me see.\n<tool_call>\n{"name": "weather", "arguments": {"city":"Paris"}}\n</tool_call>\n' +
        '<tool_call>\n{"name": "weather", "arguments": {"city":"Oslo"}}\n</tool_call>' +
        '[user]<tool_response>\n20\n</tool_response>\n<tool_response>\n5\n</tool_response>[model]',
    );
  });

  it('has tools at the end of an existing system message', async () => {
    const messages = [{ role: 'developer', content: 'Be brief.' }, user('Hi')];

    expect(await render('chatMl', { messages, tools: [tool] })).toMatch(
      /^<\|im_start\|>system\nBe brief\.\n\n# Tools\n[^[]*<\|im_end\|>\n<\|im_start\|>user\nHi/,
    );
  });

  it('has no tools for an empty list', async () => {
    expect(await render('strict', { messages: [user('Hi')], tools: [] })).toBe('<s>[user]Hi[model]');
  });

  it.each(['{"city": ', 'Paris'])('has call arguments that are not JSON as a text: %s', async (given) => {
    const made = { id: '1', type: 'function', function: { name: 'weather', arguments: given } };
    const messages = [user('Hi'), { role: 'assistant', tool_calls: [made] }];
    const text = JSON.stringify(given);

    expect(await render('withTools', { messages })).toBe(
      `[user]Hi[assistant]<tool_call>{"name": "weather", "arguments": ${text}}</tool_call>[assistant]`,
    );
    expect(await render('chatMl', { messages })).toContain(`{"name": "weather", "arguments": ${text}}`);
  });

  it('has calls as texts when the template cannot write their arguments', async () => {
    const made = { id: '1', function: { name: 'weather', arguments: '{"city": ' } };
    const messages = [user('Hi'), { role: 'assistant', tool_calls: [made] }, { role: 'tool', content: '5' }];

    expect(await render('withArguments', { messages })).toBe(
      '[user]Hi[assistant]<tool_call>\n{"name": "weather", "arguments": "{\\"city\\": "}\n</tool_call>' +
        '[user]<tool_response>\n5\n</tool_response>[assistant]',
    );
  });

  it('has empty call arguments as an empty object', async () => {
    const made = { id: '1', function: { name: 'now', arguments: '' } };

    expect(
      await render('withTools', { messages: [user('Hi'), { role: 'assistant', tool_calls: [made] }] }),
    ).toBe('[user]Hi[assistant]<tool_call>{"name": "now", "arguments": {}}</tool_call>[assistant]');
  });

  it.each(['chatMl', 'withTools'] as const)(
    'is rejected when tools or arguments are too deeply nested: %s',
    async (kind) => {
      const levels = 100_000;
      const deep = JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`) as object;
      const nested = { type: 'function', function: { name: 'deep', parameters: { properties: deep } } };
      const given = `${'['.repeat(levels)}${']'.repeat(levels)}`;
      const called = { id: '1', type: 'function', function: { name: 'deep', arguments: given } };

      for (const body of [
        { messages: [user('Hi')], tools: [nested] },
        { messages: [user('Hi'), { role: 'assistant', tool_calls: [called] }] },
      ])
        await expect(render(kind, body)).rejects.toMatchObject({ code: 'invalid_value', status: 400 });
    },
  );
});

/** Formats JSON as Python and templates do. */
function jinjaJson(value: object): string {
  return JSON.stringify(value).replaceAll(',"', ', "').replaceAll('":', '": ');
}
