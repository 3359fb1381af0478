// Stored responses with OpenAI's client and with the AI SDK's OpenAI provider, whose defaults refer to what is stored.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, type ModelMessage, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { startObjectServer } from '../../bench/object-server.ts';
import { model, startTestServer, type TestServer } from './test-server.ts';
import { question as thoughtful, turns, writeThinkingTemplate } from './thinking-template.ts';

const directory = mkdtempSync(join(tmpdir(), 'responses-'));
const settings = { model: model.name, temperature: 0, max_output_tokens: 20 };
const input = 'What is 2+2?';

let server: TestServer;

beforeAll(async () => {
  // The SDK warns about settings that it does not send.
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  server = await startTestServer({
    RESPONSES_DIR: directory,
    API_KEYS: 'one,two',
  });
});

afterAll(async () => {
  await server.end();
  rmSync(directory, { recursive: true, force: true });
});

const toClient = (apiKey = 'one', { origin } = server) =>
  new OpenAI({ baseURL: `${origin}/v1`, apiKey, maxRetries: 0 });

describe("OpenAI's client", () => {
  it.each([false, true])('continues with previous_response_id, streamed: %s', async (streamed) => {
    const client = toClient();
    const ask = (text: string, previous_response_id: string | null = null) => {
      const body = { ...settings, input: text, previous_response_id };
      return streamed ? client.responses.stream(body).finalResponse() : client.responses.create(body);
    };
    const first = await ask(input);
    const second = await ask('And 3+3?', first.id);
    const whole = await client.responses.create({
      ...settings,
      store: false,
      input: [
        { role: 'user', content: input },
        ...(first.output as OpenAI.Responses.ResponseInputItem[]),
        { role: 'user', content: 'And 3+3?' },
      ],
    });

    expect(first).toMatchObject({ store: true, status: 'completed' });
    expect(second).toMatchObject({ previous_response_id: first.id, store: true });
    expect(second.usage?.input_tokens).toBe(whole.usage?.input_tokens);
    expect(second.usage?.input_tokens_details.cached_tokens).toBeGreaterThan(first.usage?.input_tokens ?? 0);
  });

  it('retrieves a response, lists its input and deletes it', async () => {
    const { responses } = toClient();
    const first = await responses.create({ ...settings, input });
    const second = await responses.create({ ...settings, input: 'Sure?', previous_response_id: first.id });

    expect(await responses.retrieve(second.id)).toEqual(second);
    const items = await Array.fromAsync(responses.inputItems.list(second.id, { order: 'asc', limit: 2 }));
    expect(items).toMatchObject([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] },
      { id: first.output[0]?.id, role: 'assistant' },
      { role: 'user', content: [{ text: 'Sure?' }] },
    ]);
    await responses.delete(second.id);
    await expect(responses.retrieve(second.id)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    expect(await responses.retrieve(first.id)).toMatchObject({ id: first.id });
  });

  it('finds no response of another key', async () => {
    const { id } = await toClient('one').responses.create({ ...settings, input });
    const other = toClient('two').responses;

    await expect(other.retrieve(id)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(other.delete(id)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(other.create({ ...settings, input, previous_response_id: id })).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
    });
  });

  it('continues after a restart, from a bucket', async () => {
    await using objects = await startObjectServer();
    const env = { ...objects.env, RESPONSES_BUCKET: 'responses' };
    const before = await startTestServer(env);
    const first = await toClient('none', before).responses.create({ ...settings, input });
    await before.end();
    const after = await startTestServer(env);
    onTestFinished(() => after.end());
    const { responses } = toClient('none', after);
    const second = await responses.create({ ...settings, input: 'Sure?', previous_response_id: first.id });
    await responses.delete(first.id);

    expect(first).toMatchObject({ store: true });
    expect(second.usage?.input_tokens).toBeGreaterThan(
      (first.usage?.input_tokens ?? 0) + (first.usage?.output_tokens ?? 0),
    );
    const keys = [...objects.objects.keys()];
    expect(keys).toEqual([expect.stringMatching(/^\/responses\/responses\/[0-9a-f]{64}$/)]);
  });
});

describe("the AI SDK's OpenAI provider with its defaults", () => {
  const limits = { temperature: 0, maxOutputTokens: 40, maxRetries: 0 } as const;

  /** A provider that records the input items that it sends. */
  function toProvider(name: string, { origin } = server) {
    const sent: { type?: string; role?: string; id?: string }[][] = [];
    const provider = createOpenAI({
      baseURL: `${origin}/v1`,
      apiKey: 'one',
      fetch: (url, init) => {
        sent.push(JSON.parse(String(init?.body)).input);
        return fetch(url, init);
      },
    });
    return { chat: provider(name), sent };
  }

  it('refers to the texts of several turns', async () => {
    const { chat, sent } = toProvider(model.name);
    const messages: ModelMessage[] = [];
    const texts: string[] = [];
    for (const content of [input, 'And 3+3?', 'And 4+4?', 'And 5+5?']) {
      messages.push({ role: 'user', content });
      const { text, response } = await generateText({
        model: chat,
        messages,
        ...limits,
      });
      texts.push(text);
      messages.push(...response.messages);
    }

    expect(sent.at(-1)?.filter(({ type }) => type === 'item_reference').length).toBeGreaterThanOrEqual(3);
    expect(texts).toHaveLength(4);
  });

  it('refers to thoughts and texts, streamed', async () => {
    const thinking = await startTestServer({
      RESPONSES_DIR: directory,
      CHAT_TEMPLATE: writeThinkingTemplate(),
    });
    onTestFinished(() => thinking.end());
    // The SDK sends thoughts to models whose names it knows.
    const { chat, sent } = toProvider('gpt-5', thinking);
    const messages: ModelMessage[] = [
      ...turns.flatMap((turn): ModelMessage[] => [
        { role: 'user', content: turn.question },
        { role: 'assistant', content: `<think>\n${turn.thought}\n</think>\n\n${turn.answer}` },
      ]),
    ];
    const answers: { text: string; reasoning: boolean }[] = [];
    for (const content of [
      thoughtful,
      'What is the capital of Portugal?',
      'What is the capital of Poland?',
    ]) {
      messages.push({ role: 'user', content });
      const stream = streamText({ model: chat, messages, maxOutputTokens: 40, maxRetries: 0 });
      await stream.consumeStream();
      answers.push({ text: await stream.text, reasoning: (await stream.reasoning).length > 0 });
      messages.push(...(await stream.response).messages);
    }
    const references = sent.at(-1)?.filter(({ type }) => type === 'item_reference') ?? [];

    expect(answers[0]).toMatchObject({ reasoning: true });
    expect(references.map(({ id }) => id?.split('_')[0])).toEqual(expect.arrayContaining(['rs', 'msg']));
    expect(references.length).toBeGreaterThanOrEqual(4);
  });

  it('calls a tool, answers with its result and goes on', async () => {
    const { chat, sent } = toProvider(model.name);
    const weather = tool({
      description: 'Tells the weather.',
      inputSchema: z.object({ city: z.enum(['Paris', 'Rome']) }),
      execute: ({ city }) => `It is sunny in ${city}.`,
    });
    const messages: ModelMessage[] = [{ role: 'user', content: 'What is the weather in Paris?' }];
    const called = await generateText({
      model: chat,
      messages,
      tools: { weather },
      toolChoice: 'required',
      providerOptions: { openai: { parallelToolCalls: false } },
      ...limits,
      maxOutputTokens: 80,
    });
    messages.push(...called.response.messages);
    const answered = await generateText({ model: chat, messages, ...limits });
    messages.push(...answered.response.messages, { role: 'user', content: 'Thanks.' });
    const last = await generateText({ model: chat, messages, ...limits });

    expect(called.toolResults).toMatchObject([{ output: expect.stringMatching(/^It is sunny/) }]);
    expect(last.usage.inputTokens).toBeGreaterThan(answered.usage.inputTokens ?? 0);
    expect(sent.at(-1)?.some(({ type }) => type === 'item_reference')).toBe(true);
  });

  it('continues with previousResponseId', async () => {
    const { chat, sent } = toProvider(model.name);
    const first = await generateText({ model: chat, prompt: input, ...limits });
    const previousResponseId = String(first.providerMetadata?.openai?.responseId);
    const second = await generateText({
      model: chat,
      prompt: 'And 3+3?',
      providerOptions: { openai: { previousResponseId } },
      ...limits,
    });

    expect(sent.at(-1)).toHaveLength(1);
    expect(second.usage.inputTokens).toBeGreaterThan(
      (first.usage.inputTokens ?? 0) + (first.usage.outputTokens ?? 0),
    );
  });
});
