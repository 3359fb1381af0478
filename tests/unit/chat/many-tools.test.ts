// Many tools in a chat: their format takes long to find, so that it is found on another thread, and once.
import { expect, it } from 'vitest';
import type { ChatTool } from '../../../src/chat/conversation.ts';
import { openChatLibrary } from '../../../src/engine/llama/open-chat-library.ts';
import { templates } from './templates.ts';

const tools: readonly ChatTool[] = Array.from({ length: 128 }, (_, index) => ({
  type: 'function',
  function: {
    name: `tool_${index}`,
    parameters: { type: 'object', properties: { first: { type: 'string' }, second: { type: 'integer' } } },
  },
}));

const options = { tools, toolChoice: 'auto', parallel: true, hasSchema: false } as const;

it('finds the format on another thread', async () => {
  const { ChatTemplates } = openChatLibrary();
  const template = new ChatTemplates(templates.thinkingWithTools.source, '', '');
  const inputs = {
    ...options,
    messages: [{ role: 'user', content: 'Hi' }],
    enableThinking: true,
    kwargs: {},
  };
  const applied = template.apply(JSON.stringify({ ...inputs, promptOnly: false }));

  expect(applied).toBeInstanceOf(Promise);
  expect(JSON.parse((await applied).json)).toMatchObject({ grammar: expect.stringContaining('tool_127') });
});

it('makes one parser for all chats with the same tools', async () => {
  const template = templates.thinkingWithTools;
  const rendered = await template.render([{ role: 'user', content: 'Hi' }], { tools });
  const { parser } = await template.findFormat(rendered, options);

  expect((await template.findFormat(rendered, options)).parser).toBe(parser);
});
