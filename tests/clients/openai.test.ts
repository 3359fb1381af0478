// OpenAI's client for Node with the server on port 8000. Only its base URL and key are changed.
import OpenAI from 'openai';
import { zodFunction } from 'openai/helpers/zod';
import type { ChatCompletionMessageParam } from 'openai/resources';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { model, startTestServer, type TestServer } from './test-server.ts';

const prompt = 'The capital of France is';
const question = [{ role: 'user' as const, content: 'What is 2+2?' }];

let server: TestServer;
let client: OpenAI;

beforeAll(async () => {
  server = await startTestServer({ SLOTS: '2', QUEUE_LIMIT: '1', API_KEY: 'the key' });
  ({ client } = server);
});

afterAll(async () => {
  await server.end();
});

const complete = (text: string, max_tokens = 8) =>
  client.completions.create({ model: model.name, prompt: text, max_tokens, temperature: 0 });

const chatRequest = { model: model.name, messages: question, max_tokens: 20, temperature: 0 };

describe("OpenAI's client", () => {
  it('lists the model, and retrieves it by its name', async () => {
    const { data } = await client.models.list();

    expect(data.map(({ id }) => id)).toEqual([model.name]);
    expect(await client.models.retrieve(model.name)).toEqual(data[0]);
    await expect(client.models.retrieve('gpt-4')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it('creates a completion', async () => {
    const { choices, usage } = await complete(prompt);

    expect(choices).toEqual([
      { text: expect.stringMatching(/^ Paris/), index: 0, finish_reason: 'length', logprobs: null },
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 8, total_tokens: 13 });
  });

  it('streams the same completion with its usage', async () => {
    const whole = await complete(prompt);
    const stream = await client.completions.create({
      model: model.name,
      prompt,
      max_tokens: 8,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);

    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(whole.choices[0]?.text);
    expect(chunks.filter(({ choices }) => choices[0]?.finish_reason === 'length')).toHaveLength(1);
    expect(chunks.at(-1)?.usage).toMatchObject({ total_tokens: 13 });
    expect(chunks.length).toBeGreaterThan(8);
  });

  it('returns log-probabilities of completions and chats', async () => {
    const text = await client.completions.create({ model: model.name, prompt, max_tokens: 3, logprobs: 2 });
    const chat = await client.chat.completions.create({ ...chatRequest, logprobs: true, top_logprobs: 2 });

    expect(text.choices[0]?.logprobs?.tokens?.join('')).toBe(text.choices[0]?.text);
    const entries = chat.choices[0]?.logprobs?.content ?? [];
    expect(entries.map(({ token }) => token).join('')).toBe(`${chat.choices[0]?.message.content}<|im_end|>`);
    expect(entries.every(({ top_logprobs }) => top_logprobs.length === 2)).toBe(true);
  });

  it('decides about an input', async () => {
    const { answers, usage } = await client.decisions.create({
      model: model.name,
      input: 'The room was clean, quiet and had a wonderful view.',
      questions: [
        { type: 'predicate', instructions: 'The review is positive.', name: 'positive' },
        {
          type: 'choice',
          instructions: 'What is the sentiment of the review?',
          choices: [{ value: 'positive' }, { value: 'negative', description: 'the guest complains' }],
        },
        {
          type: 'score',
          instructions: [{ type: 'input_text', text: 'How satisfied is the guest?' }],
          levels: [{ label: 'low' }, { label: 'high' }],
        },
      ],
    });

    expect(answers).toMatchObject([
      { type: 'predicate', name: 'positive', probability: expect.any(Number) },
      { type: 'choice', name: null, choice: 'positive' },
      { type: 'score', name: null, score: expect.any(Number) },
    ]);
    expect(usage).toMatchObject({ output_tokens: 0, output_tokens_details: { reasoning_tokens: 0 } });
    await expect(
      client.decisions.create({ model: model.name, input: 'a', questions: [] }),
    ).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });

  it('creates a chat completion', async () => {
    const { data, request_id } = await client.chat.completions.create(chatRequest).withResponse();

    expect(data.choices[0]).toMatchObject({
      message: { role: 'assistant', content: expect.stringMatching(/4\.$/), refusal: null },
      finish_reason: 'stop',
    });
    expect(data.usage?.total_tokens).toBe(
      (data.usage?.prompt_tokens ?? 0) + (data.usage?.completion_tokens ?? 0),
    );
    expect(data.id).toBe(`chatcmpl-${request_id}`);
  });

  it('streams the same chat completion', async () => {
    const whole = await client.chat.completions.create(chatRequest);
    const stream = client.chat.completions.stream({
      ...chatRequest,
      stream_options: { include_usage: true },
    });
    const contents: string[] = [];
    stream.on('content', (delta) => contents.push(delta));
    const streamed = await stream.finalChatCompletion();

    expect(contents.length).toBeGreaterThan(5);
    expect(contents.join('')).toBe(whole.choices[0]?.message.content);
    expect(streamed.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: contents.join('') },
    });
    expect(await stream.totalUsage()).toMatchObject({ completion_tokens: whole.usage?.completion_tokens });
  });
});

describe("tools in OpenAI's client", () => {
  const city = z.object({ city: z.enum(['Paris', 'Rome']) });
  const weather = zodFunction({ name: 'weather', description: 'Tells the weather.', parameters: city });
  const time = zodFunction({ name: 'time', parameters: z.object({ zone: z.enum(['CET', 'UTC']) }) });
  const request = {
    ...chatRequest,
    messages: [{ role: 'user' as const, content: 'What is the weather in Paris?' }],
    max_tokens: 60,
    parallel_tool_calls: false,
  };

  it('are called, and the chat continues with their results', async () => {
    const { choices } = await client.chat.completions.create({
      ...request,
      tools: [weather, time],
      tool_choice: 'required',
    });
    const message = choices[0]?.message;
    const call = message?.tool_calls?.[0];
    if (message === undefined || call?.type !== 'function') throw new Error('The model called no function.');

    expect(choices[0]?.finish_reason).toBe('tool_calls');
    expect(message.content).toBeNull();
    expect(message.tool_calls).toHaveLength(1);
    expect(['weather', 'time']).toContain(call.function.name);
    expect(
      (call.function.name === 'weather' ? city : z.object({ zone: z.string() })).safeParse(
        JSON.parse(call.function.arguments),
      ),
    ).toMatchObject({ success: true });

    const messages: ChatCompletionMessageParam[] = [
      ...request.messages,
      message,
      { role: 'tool', tool_call_id: call.id, content: 'Sunny, 20 degrees.' },
    ];
    const next = await client.chat.completions.create({
      ...request,
      messages,
      tools: [weather, time],
      tool_choice: 'none',
      max_tokens: 8,
    });
    expect(next.choices[0]?.message.tool_calls).toBeUndefined();
    expect(next.choices[0]?.message.content?.length).toBeGreaterThan(0);
    expect(next.usage?.prompt_tokens).toBeGreaterThan(20);
  });

  it('may be chosen by name', async () => {
    const { choices } = await client.chat.completions.parse({
      ...request,
      tools: [weather, time],
      tool_choice: { type: 'function', function: { name: 'time' } },
    });

    const parsed_arguments = { zone: expect.stringMatching(/^(?:CET|UTC)$/) };
    expect(choices[0]?.message.tool_calls).toMatchObject([{ function: { name: 'time', parsed_arguments } }]);
  });

  it('are called in a stream with the same arguments, in pieces', async () => {
    const calling = { ...request, tools: [weather], tool_choice: 'required' as const };
    const whole = await client.chat.completions.create(calling);
    const stream = client.chat.completions.stream(calling);
    const pieces: string[] = [];
    stream.on('tool_calls.function.arguments.delta', ({ arguments_delta }) => pieces.push(arguments_delta));
    const streamed = await stream.finalChatCompletion();

    const called = whole.choices[0]?.message.tool_calls?.[0];
    const expected = called?.type === 'function' ? called.function.arguments : 'no call';
    expect(streamed.choices[0]?.message.tool_calls).toMatchObject([
      { function: { name: 'weather', arguments: expected } },
    ]);
    expect(pieces.join('')).toBe(expected);
    expect(streamed.choices[0]?.finish_reason).toBe('tool_calls');
    expect(pieces.length).toBeGreaterThan(2);
  });

  it('may be called several times in one answer, each with a unique id', async () => {
    const { choices } = await client.chat.completions.create({
      ...request,
      parallel_tool_calls: true,
      tools: [weather],
      tool_choice: 'required',
      max_tokens: 100,
    });
    const calls = choices[0]?.message.tool_calls ?? [];

    expect(calls.length).toBeGreaterThan(1);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length);
  });

  it('are run by the client', async () => {
    const cities: string[] = [];
    const runner = client.chat.completions.runTools({
      ...request,
      tools: [
        zodFunction({
          name: 'weather',
          parameters: city,
          function: ({ city: name }) => {
            cities.push(name);
            return `Sunny in ${name}.`;
          },
        }),
      ],
      tool_choice: { type: 'function', function: { name: 'weather' } },
    });

    expect(await runner.finalFunctionToolCallResult()).toBe(`Sunny in ${cities[0]}.`);
    expect(cities).toHaveLength(1);
  });

  it("are not called with the tool_choice 'none'", async () => {
    const { choices } = await client.chat.completions.create({
      ...chatRequest,
      tools: [weather],
      tool_choice: 'none',
    });

    expect(choices[0]?.message.tool_calls).toBeUndefined();
    expect(choices[0]?.message.content).toBe(
      (await client.chat.completions.create(chatRequest)).choices[0]?.message.content,
    );
  });

  it('are rejected when they are invalid', async () => {
    const create = (fields: object) => client.chat.completions.create({ ...request, ...fields });

    await expect(create({ tools: [weather, weather] })).rejects.toMatchObject({
      status: 400,
      param: 'tools',
    });
    await expect(
      create({ tools: [weather], tool_choice: { type: 'function', function: { name: 'no' } } }),
    ).rejects.toMatchObject({ status: 400, param: 'tool_choice' });
    await expect(
      create({ tools: [{ type: 'function', function: { name: 'x', parameters: { type: 'hiccup' } } }] }),
    ).rejects.toMatchObject({ status: 400, param: 'tools.0.function.parameters' });
  });
});

describe("errors in OpenAI's client", () => {
  it("have the client's own classes and the name of the invalid field", async () => {
    const long = prompt.repeat(10_000);
    await expect(complete(long, 8)).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(complete(long, 8)).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
      type: 'invalid_request_error',
      param: 'prompt',
      requestID: expect.any(String),
    });
    await expect(client.completions.create({ model: model.name, prompt, n: 0 })).rejects.toMatchObject({
      status: 400,
      param: 'n',
    });
    await expect(client.embeddings.create({ model: model.name, input: 'Hi' })).rejects.toMatchObject({
      status: 400,
      message: expect.stringMatching(/cannot make embeddings/),
    });
  });

  it('are thrown before a stream starts', async () => {
    await expect(
      client.chat.completions.create({ ...chatRequest, max_tokens: -2, stream: true }),
    ).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });

  it('are AuthenticationErrors for a wrong key, on every path except /health', async () => {
    const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: 'another key', maxRetries: 0 });

    await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    await expect(stranger.chat.completions.create(chatRequest)).rejects.toMatchObject({
      status: 401,
      code: 'invalid_api_key',
    });
    expect((await fetch(`${server.origin}/health`)).status).toBe(200);
    expect((await fetch(`${server.origin}/metrics`)).status).toBe(401);
  });
});

describe('simultaneous requests', () => {
  it('are answered at the same time, and rejected with 429 when the queue is full', async () => {
    // Two run, one waits, and the fourth exceeds the queue.
    const stream = () =>
      client.completions.create({
        model: model.name,
        prompt: 'Once upon a time',
        max_tokens: 1_900,
        temperature: 0,
        stream: true,
        ...{ ignore_eos: true },
      });
    const readStart = async (events: Awaited<ReturnType<typeof stream>>) => {
      let text = '';
      for await (const { choices } of events) {
        text += choices[0]?.text;
        // Leaving the loop ends the stream.
        if (text.length >= 100) break;
      }
      return text.slice(0, 100);
    };
    const running = await Promise.all([stream(), stream()]);
    const others = [complete(prompt), complete(prompt)];
    const refusal = await Promise.race(others).catch((error: unknown) => error);
    const texts = await Promise.all(running.map(readStart));
    const outcomes = await Promise.allSettled(others);

    expect(refusal).toBeInstanceOf(OpenAI.RateLimitError);
    expect(refusal).toMatchObject({ status: 429, code: 'server_busy' });
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(texts[0]).toHaveLength(100);
    expect(texts[0]).toBe(texts[1]);
  });

  it('free their slots when their clients disconnect', async () => {
    for (let disconnected = 0; disconnected < 4; disconnected++) {
      const abort = new AbortController();
      const stream = await client.chat.completions.create(
        { ...chatRequest, max_tokens: 1_900, stream: true },
        { signal: abort.signal },
      );
      for await (const { choices } of stream) {
        expect(choices[0]?.finish_reason).toBeNull();
        break;
      }
      abort.abort();
    }

    // Two slots and a queue of one: a slot that is not free would fail these requests.
    expect((await complete(prompt)).choices[0]?.text).toMatch(/^ Paris/);
    expect((await Promise.all([complete(prompt), complete('The capital of Italy is')])).length).toBe(2);
  });
});
