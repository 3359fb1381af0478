// The accumulators of Anthropic's client, with streams that a real model rarely makes: thoughts, calls, and their cut ends.
import Anthropic from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { ask, engineOf, promptOf, quietLog } from './ask.ts';

function clientOf(engine: FakeEngine): Anthropic {
  return new Anthropic({
    baseURL: 'http://127.0.0.1',
    apiKey: 'key',
    maxRetries: 0,
    fetch: async (url, init) => {
      const { status, headers, body } = await ask(JSON.parse(String(init?.body)), engine, {
        path: new URL(String(url)).pathname,
        headers: Object.fromEntries(new Headers(init?.headers)),
        service: { chatTemplate: templates.thinkingWithTools },
        context: { log: quietLog },
      });
      return new Response(body, { status, headers });
    },
  });
}

const call = (name: string, input: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${input}}\n</tool_call>`;

const request: Anthropic.MessageCreateParamsNonStreaming = {
  model: 'claude-sonnet-5',
  max_tokens: 400,
  messages: [{ role: 'user', content: 'Hi' }],
  tools: [{ name: 'f', input_schema: { type: 'object' } }],
  thinking: { type: 'adaptive' },
};

describe("Anthropic's client", () => {
  it.each([
    ['a text', 'Hello.', {}],
    ['thoughts and a text', '<think>\nHm.\n</think>\n\nHello 😀.', {}],
    ['thoughts that were cut', '<think>\nHm, hm, hm.', { max_tokens: 12 }],
    ['a call', call('f', '{"a": {"b": [1, "}"]}}'), {}],
    ['thoughts, a text and calls', `<think>Hm.</think>OK ${call('f', '{}')}\n${call('f', '{"a": "é"}')}`, {}],
    ['a text that a sequence stopped', 'One two three', { stop_sequences: ['three', 'two'] }],
    ['nothing', '', {}],
  ])('makes the same message of a stream: %s', async (_, text, fields) => {
    const whole = await clientOf(engineOf(text)).messages.create({ ...request, ...fields });
    const streamed = await clientOf(engineOf(text))
      .messages.stream({ ...request, ...fields })
      .finalMessage();

    expect(streamed).toMatchObject(whole);
  });

  it('reads a call that was cut', async () => {
    const stream = clientOf(engineOf(call('f', '{"a": "long"}'))).messages.stream({
      ...request,
      max_tokens: 55,
    });
    const { content, stop_reason } = await stream.finalMessage();

    expect(stop_reason).toBe('max_tokens');
    expect(content).toMatchObject([{ type: 'tool_use', input: { a: expect.stringMatching(/^l/) } }]);
  });

  it('sends back what it got, and the prompt has it', async () => {
    const engine = engineOf(`<think>Hm.</think>OK ${call('f', '{"a": 1}')}`);
    const message = await clientOf(engine).messages.stream(request).finalMessage();
    const result = { type: 'tool_result' as const, tool_use_id: 'toolu_a1b2_0_0', content: 'Done.' };
    const messages: Anthropic.MessageParam[] = [
      ...request.messages,
      { role: 'assistant', content: message.content },
      { role: 'user', content: [result] },
    ];
    await clientOf(engine).messages.create({ ...request, messages });

    const called = '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>';
    expect(promptOf(engine)).toContain(
      `[user]Hi[assistant]<think>Hm.</think>OK${called}[tool]Done.[assistant]`,
    );
  });

  it('throws its own errors, before a stream and within it', async () => {
    const breaking = new FakeEngine('Hello.', {
      contextSize: 4096,
      beforeEvent: (_, event) => {
        if (event === 3) throw new Error('on fire');
      },
    });
    const before = clientOf(engineOf('')).messages.stream({ ...request, temperature: -1 });
    const within = clientOf(breaking).messages.stream(request);

    await expect(before.finalMessage()).rejects.toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      requestID: 'a1-b2',
    });
    await expect(within.finalMessage()).rejects.toMatchObject({ type: 'api_error', requestID: 'a1-b2' });
  });
});
