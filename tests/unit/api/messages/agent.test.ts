// A turn of an agent as Claude Code sends it: a long system prompt in marked blocks, many tools, thoughts and results in the history,
// and fields of beta versions.
import { describe, expect, it } from 'vitest';
import { templates } from '../../chat/templates.ts';
import { askJson, askStreamed, engineOf, promptOf } from './ask.ts';
import { joinEvents } from './valid-events.ts';

const cache_control = { type: 'ephemeral' };
const reminder = '<system-reminder>\nThe todo list is empty.\n</system-reminder>\n';
const tools = Array.from({ length: 90 }, (_, index) => ({
  name: `mcp__a_server_with_a_long_name__and_a_tool_whose_name_is_longer_still__${index}`,
  description: 'Reads a file.',
  input_schema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { path: { type: 'string' } },
    required: ['path'],
    additionalProperties: false,
  },
  ...(index === 89 && { cache_control }),
}));
const name = tools[0]?.name;

const toRequest = (cch: string) => ({
  model: 'claude-opus-5-5',
  max_tokens: 32_000,
  system: [
    {
      type: 'text',
      text: `x-anthropic-billing-header: cc_version=2.1.177.01c; cc_entrypoint=cli; cch=${cch};`,
    },
    { type: 'text', text: 'You are an agent.', cache_control },
    {
      type: 'text',
      text: `# Rules\n${'Be careful. '.repeat(200)}`,
      cache_control: { ...cache_control, ttl: '1h' },
    },
  ],
  messages: [
    {
      role: 'user',
      content: [
        { type: 'text', text: reminder },
        { type: 'text', text: 'Read a.txt.', cache_control },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'A file.', signature: 'unsigned' },
        { type: 'text', text: 'I read it.' },
        { type: 'tool_use', id: 'toolu_a1_0_0', name, input: { path: 'a.txt' } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'toolu_a1_0_0', content: 'no such file', is_error: true },
        { type: 'text', text: reminder, cache_control },
      ],
    },
    { role: 'system', content: [{ type: 'text', text: 'The user switched the mode.' }] },
  ],
  tools: [...tools, { type: 'web_search_20250305', name: 'web_search', max_uses: 8 }],
  tool_choice: { type: 'auto' },
  metadata: { user_id: 'user_1_account__session_2' },
  thinking: { type: 'adaptive' },
  context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
  output_config: { effort: 'high' },
  temperature: 1,
});

const options = {
  headers: {
    'x-api-key': 'key',
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27',
    'content-type': 'application/json',
  },
  service: { chatTemplate: templates.thinkingWithTools },
};

const text = `<think>\nAgain.\n</think>\n\nOnce more.\n<tool_call>\n{"name": "${name}", "arguments": {"path": "b.txt"}}\n</tool_call>`;
const engineOfAgent = () => Object.assign(engineOf(text), { contextSize: 65_536 });

describe('the turn of an agent', () => {
  it('is answered, and the fields that are not used are told', async () => {
    const { status, headers, body } = await askJson(toRequest('a1b2'), engineOfAgent(), options);

    expect({ status, headers }).toMatchObject({
      status: 200,
      headers: { 'x-ignored-fields': 'context_management, tools.90' },
    });
    expect(body).toMatchObject({
      content: [
        { type: 'thinking', thinking: 'Again.' },
        { type: 'text', text: 'Once more.' },
        { type: 'tool_use', name, input: { path: 'b.txt' } },
      ],
      stop_reason: 'tool_use',
    });
  });

  it('is streamed as it is answered whole', async () => {
    const { body } = await askJson(toRequest('a1b2'), engineOfAgent(), options);

    expect(joinEvents(await askStreamed(toRequest('a1b2'), engineOfAgent(), options))).toEqual(body);
  });

  it('has the history in its prompt, and begins like the turn before', async () => {
    const [one, other] = [engineOfAgent(), engineOfAgent()];
    await askJson(toRequest('a1b2'), one, options);
    await askJson(toRequest('c3d4'), other, options);

    expect(promptOf(one)).toBe(promptOf(other));
    expect(promptOf(one)).toContain(
      `[user]${reminder}\n\nRead a.txt.[assistant]<think>A file.</think>I read it.<tool_call>{"name": "${name}", "arguments": {"path": "a.txt"}}</tool_call>[tool]Error:\nno such file[user]${reminder}`,
    );
  });

  it('is counted as it is evaluated', async () => {
    const engine = engineOfAgent();
    const { max_tokens: _, temperature: __, metadata: ___, ...prompt } = toRequest('a1b2');
    await askJson(toRequest('e5f6'), engine, options);
    const { body } = await askJson(prompt, engine, { ...options, path: '/v1/messages/count_tokens' });

    expect(body).toEqual({ input_tokens: engine.requests[0]?.prompt.length });
  });
});
