// Thoughts of a real model, streamed by the clients of OpenAI's Responses and of Anthropic's Messages.
import Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { model, startTestServer, type TestServer } from './test-server.ts';
import { question, turns, writeThinkingTemplate } from './thinking-template.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ CHAT_TEMPLATE: writeThinkingTemplate() });
});

afterAll(async () => {
  await server.end();
});

const aboutFrance = expect.stringContaining('France');

describe("OpenAI's client", () => {
  const input: OpenAI.Responses.ResponseInputItem[] = [
    ...turns.flatMap((turn, index): OpenAI.Responses.ResponseInputItem[] => [
      { role: 'user', content: turn.question },
      {
        type: 'reasoning',
        id: `rs_${index}`,
        summary: [],
        content: [{ type: 'reasoning_text', text: turn.thought }],
      },
      { role: 'assistant', content: turn.answer },
    ]),
    { role: 'user', content: question },
  ];
  const request = { model: model.name, temperature: 0, max_output_tokens: 60, input };

  it('streams thoughts and a text, which the whole response has too', async () => {
    const stream = server.client.responses.stream(request);
    const pieces = { thoughts: [] as string[], text: [] as string[] };
    stream.on('event', (event) => {
      if (event.type === 'response.reasoning_text.delta') pieces.thoughts.push(event.delta);
      if (event.type === 'response.output_text.delta') pieces.text.push(event.delta);
    });
    const streamed = await stream.finalResponse();
    const whole = await server.client.responses.create(request);
    const [thoughts, message] = streamed.output;

    expect(thoughts).toMatchObject({
      type: 'reasoning',
      status: 'completed',
      summary: [],
      content: [{ type: 'reasoning_text', text: aboutFrance }],
    });
    expect(message).toMatchObject({ type: 'message', status: 'completed' });
    expect(streamed.output_text).toMatch(/^Paris/);
    expect(pieces.thoughts.length).toBeGreaterThan(2);
    expect(pieces.text.length).toBeGreaterThan(1);
    expect(pieces.thoughts.join('')).toBe(thoughts?.type === 'reasoning' && thoughts.content?.[0]?.text);
    expect(pieces.text.join('')).toBe(streamed.output_text);
    expect(whole.output.map(({ type }) => type)).toEqual(['reasoning', 'message']);
    expect(whole.output_text).toBe(streamed.output_text);
    expect(streamed.usage?.output_tokens_details.reasoning_tokens).toBeGreaterThan(2);
    expect(whole.usage?.output_tokens_details).toEqual(streamed.usage?.output_tokens_details);
  });

  it('streams thoughts as a summary', async () => {
    const stream = server.client.responses.stream({ ...request, reasoning: { summary: 'auto' } });
    let summary = '';
    stream.on('response.reasoning_summary_text.delta', ({ delta }) => {
      summary += delta;
    });
    const { output, output_text } = await stream.finalResponse();

    expect(output[0]).toMatchObject({
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: summary }],
    });
    expect(summary).toEqual(aboutFrance);
    expect(output_text).toMatch(/^Paris/);
  });

  it('turns thoughts off', async () => {
    const { output } = await server.client.responses
      .stream({ ...request, reasoning: { effort: 'none' } })
      .finalResponse();

    expect(output.map(({ type }) => type)).toEqual(['message']);
  });

  it('gets thoughts that the limit of tokens cut', async () => {
    const { status, output } = await server.client.responses
      .stream({ ...request, max_output_tokens: 2 })
      .finalResponse();

    expect(status).toBe('incomplete');
    expect(output).toMatchObject([{ type: 'reasoning', status: 'incomplete' }]);
  });
});

describe("Anthropic's client", () => {
  const request = {
    model: model.name,
    temperature: 0,
    max_tokens: 60,
    thinking: { type: 'enabled' as const, budget_tokens: 1024 },
    messages: [
      ...turns.flatMap((turn): Anthropic.MessageParam[] => [
        { role: 'user', content: turn.question },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: turn.thought, signature: 'unsigned' },
            { type: 'text', text: turn.answer },
          ],
        },
      ]),
      { role: 'user' as const, content: question },
    ],
  };
  const client = () => new Anthropic({ baseURL: server.origin, apiKey: 'none', maxRetries: 0 });

  it('streams thoughts and a text, which the whole message has too', async () => {
    const stream = client().messages.stream(request);
    const pieces = { thoughts: [] as string[], text: [] as string[], signatures: [] as string[] };
    stream.on('thinking', (delta) => pieces.thoughts.push(delta));
    stream.on('signature', (signature) => pieces.signatures.push(signature));
    stream.on('text', (delta) => pieces.text.push(delta));
    const streamed = await stream.finalMessage();
    const whole = await client().messages.create(request);
    const [thoughts, text] = streamed.content;

    expect(thoughts).toEqual({ type: 'thinking', thinking: aboutFrance, signature: 'unsigned' });
    expect(text).toMatchObject({ type: 'text', text: expect.stringMatching(/^Paris/) });
    expect(streamed.stop_reason).toBe('end_turn');
    expect(pieces.thoughts.length).toBeGreaterThan(2);
    expect(pieces.thoughts.join('')).toBe(thoughts?.type === 'thinking' && thoughts.thinking);
    expect(pieces.text.join('')).toBe(text?.type === 'text' && text.text);
    expect(pieces.signatures).toEqual(['unsigned']);
    expect(whole.content).toMatchObject([
      { ...thoughts },
      { type: 'text', text: text?.type === 'text' && text.text },
    ]);
    expect(whole.usage.output_tokens).toBe(streamed.usage.output_tokens);
  });

  it('sends the thoughts back, and they are read', async () => {
    const first = await client().messages.stream(request).finalMessage();
    const messages: Anthropic.MessageParam[] = [
      ...request.messages,
      { role: 'assistant', content: first.content },
      { role: 'user', content: 'And of Portugal?' },
    ];
    const second = await client()
      .messages.stream({ ...request, messages })
      .finalMessage();

    expect(second.content.map(({ type }) => type)).toEqual(['thinking', 'text']);
    expect(second.usage.cache_read_input_tokens).toBeGreaterThan(100);
  });

  it('gets no thoughts by default', async () => {
    const { thinking: _, ...plain } = request;
    const { content } = await client().messages.stream(plain).finalMessage();

    expect(content.map(({ type }) => type)).toEqual(['text']);
  });
});
