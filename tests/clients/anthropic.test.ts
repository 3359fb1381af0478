// Anthropic's client for Node with the server on port 8000. Only its base URL and key are changed.
import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { model, startTestServer, type TestServer } from './test-server.ts';

const request = {
  model: 'claude-sonnet-5',
  max_tokens: 24,
  temperature: 0,
  messages: [{ role: 'user' as const, content: 'What is 2+2?' }],
};

let server: TestServer;
let client: Anthropic;

beforeAll(async () => {
  server = await startTestServer({ SLOTS: '2', API_KEY: 'the key' });
  client = new Anthropic({ baseURL: server.origin, apiKey: 'the key', maxRetries: 0 });
});

afterAll(async () => {
  await server.end();
});

const textOf = ({ content }: Pick<Anthropic.Message, 'content'>) =>
  content.map((block) => (block.type === 'text' ? block.text : '')).join('');

describe("Anthropic's client", () => {
  it('creates a message', async () => {
    const { data, request_id } = await client.messages.create(request).withResponse();

    expect(data).toMatchObject({
      id: `msg_${request_id}`,
      role: 'assistant',
      model: model.name,
      content: [{ type: 'text', text: expect.stringMatching(/4\.$/) }],
      stop_reason: 'end_turn',
    });
    expect(data.usage.output_tokens).toBeGreaterThan(3);
  });

  it('counts the tokens of the prompt, cached or not', async () => {
    const { max_tokens: _, temperature: __, ...prompt } = request;
    const { input_tokens } = await client.messages.countTokens(prompt);
    await client.messages.create(request);
    const { usage } = await client.messages.create(request);

    expect(usage.cache_read_input_tokens).toBeGreaterThan(0);
    expect(usage.input_tokens + (usage.cache_read_input_tokens ?? 0)).toBe(input_tokens);
  });

  it('streams the same message', async () => {
    const whole = await client.messages.create(request);
    const stream = client.messages.stream(request);
    const texts: string[] = [];
    stream.on('text', (text) => texts.push(text));
    const { usage, ...streamed } = await stream.finalMessage();

    expect(texts.length).toBeGreaterThan(5);
    expect(texts.join('')).toBe(textOf(whole));
    expect(streamed).toMatchObject({ content: whole.content, stop_reason: 'end_turn', stop_sequence: null });
    expect(usage.output_tokens).toBe(whole.usage.output_tokens);
    expect(usage.input_tokens + (usage.cache_read_input_tokens ?? 0)).toBe(
      whole.usage.input_tokens + (whole.usage.cache_read_input_tokens ?? 0),
    );
  });

  it('reads the events of a stream one by one', async () => {
    const events = await Array.fromAsync(await client.messages.create({ ...request, stream: true }));

    expect(events[0]).toMatchObject({
      type: 'message_start',
      message: { usage: { output_tokens: 0 }, content: [] },
    });
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set([
        'message_start',
        'content_block_start',
        'content_block_delta',
        'content_block_stop',
        'message_delta',
        'message_stop',
      ]),
    );
  });

  it('is told why a message ended', async () => {
    const cut = await client.messages.create({ ...request, max_tokens: 2 });
    const stopped = await client.messages.create({ ...request, stop_sequences: ['nothing', '4'] });

    expect(cut).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 2 } });
    expect(stopped).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: '4' });
  });

  it('sends a system prompt, metadata and marks of the cache', async () => {
    const cache_control = { type: 'ephemeral' as const };
    const { data, response } = await client.messages
      .create({
        ...request,
        system: [{ type: 'text', text: 'Answer with one word.', cache_control }],
        metadata: { user_id: 'someone' },
      })
      .withResponse();

    expect(textOf(data).length).toBeGreaterThan(0);
    expect(response.headers.get('x-ignored-fields')).toBeNull();
  });

  it('parses an answer that follows a schema', async () => {
    const answer = z.object({ sum: z.union([z.literal(4), z.literal(5)]) });
    const { parsed_output } = await client.messages.parse({
      ...request,
      output_config: { format: zodOutputFormat(answer) },
    });

    expect(answer.safeParse(parsed_output)).toMatchObject({ success: true });
  });

  it('lists the model, and retrieves it by its name', async () => {
    const models = await Array.fromAsync(client.models.list());

    expect(models).toMatchObject([{ id: model.name, type: 'model', display_name: model.name }]);
    expect(await client.models.retrieve(model.name)).toEqual(models[0]);
    await expect(client.models.retrieve('gpt-4')).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  });

  it('may send its key as a bearer', async () => {
    const bearer = new Anthropic({
      baseURL: server.origin,
      apiKey: null,
      authToken: 'the key',
      maxRetries: 0,
    });

    expect(textOf(await bearer.messages.create(request))).toMatch(/4\.$/);
  });
});

describe("tools in Anthropic's client", () => {
  const tools: Anthropic.Tool[] = ['weather', 'time'].map((name) => ({
    name,
    description: `Tells the ${name}.`,
    input_schema: { type: 'object', properties: { city: { enum: ['Paris', 'Rome'] } }, required: ['city'] },
  }));
  const calling = {
    ...request,
    max_tokens: 80,
    tools,
    tool_choice: { type: 'any' as const, disable_parallel_tool_use: true },
  };

  it('are called, streamed too, and the conversation continues with their results', async () => {
    const whole = await client.messages.create(calling);
    const stream = client.messages.stream(calling);
    const pieces: string[] = [];
    stream.on('inputJson', (piece) => pieces.push(piece));
    const streamed = await stream.finalMessage();
    const [call] = whole.content;
    if (call?.type !== 'tool_use') throw new Error('The model called no tool.');

    expect(whole).toMatchObject({
      stop_reason: 'tool_use',
      content: [{ input: { city: expect.any(String) } }],
    });
    expect(streamed.content).toMatchObject([{ type: 'tool_use', name: call.name, input: call.input }]);
    expect(JSON.parse(pieces.join(''))).toEqual(call.input);

    const result = { type: 'tool_result' as const, tool_use_id: call.id, content: 'Sunny, 20 degrees.' };
    const next = await client.messages.create({
      ...calling,
      tool_choice: { type: 'none' },
      messages: [
        ...request.messages,
        { role: 'assistant', content: streamed.content },
        { role: 'user', content: [result, { type: 'text', text: 'And now?' }] },
      ],
    });
    expect(next.content).toMatchObject([{ type: 'text', text: expect.stringMatching(/./) }]);
  });

  it('may be chosen by name', async () => {
    const { content } = await client.messages.create({
      ...calling,
      tool_choice: { type: 'tool', name: 'time', disable_parallel_tool_use: true },
    });

    expect(content).toMatchObject([{ type: 'tool_use', name: 'time' }]);
  });

  it("are run by the client's runner, with the header of a beta", async () => {
    const cities: string[] = [];
    const weather = betaZodTool({
      name: 'weather',
      description: 'Tells the weather.',
      inputSchema: z.object({ city: z.enum(['Paris', 'Rome']) }),
      run: ({ city }) => {
        cities.push(city);
        return 'Sunny.';
      },
    });
    const message = await client.beta.messages.toolRunner({
      ...request,
      max_tokens: 80,
      tools: [weather],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      max_iterations: 2,
      betas: ['interleaved-thinking-2025-05-14'],
    });

    expect(cities.length).toBeGreaterThan(0);
    expect(message.content.length).toBeGreaterThan(0);
  });
});

describe("errors in Anthropic's client", () => {
  it.each([
    ['authentication_error', Anthropic.AuthenticationError, { apiKey: 'another key' }, {}],
    ['invalid_request_error', Anthropic.BadRequestError, {}, { temperature: -1 }],
    ['invalid_request_error', Anthropic.BadRequestError, {}, { system: 'a '.repeat(20_000) }],
  ])('have the class of their status: %s', async (type, ErrorClass, options, fields) => {
    const other = client.withOptions(options);
    const failure = await other.messages.create({ ...request, ...fields }).catch((error: unknown) => error);
    const streamed = await other.messages
      .stream({ ...request, ...fields })
      .finalMessage()
      .catch((error: unknown) => error);

    for (const error of [failure, streamed]) {
      expect(error).toBeInstanceOf(ErrorClass);
      expect(error).toMatchObject({ type, requestID: expect.any(String), apiMessage: expect.any(String) });
    }
  });
});
