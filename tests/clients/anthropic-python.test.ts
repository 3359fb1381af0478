// Anthropic's client for Python, and LiteLLM's translation to Anthropic's API, with the server on port 8000.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { model } from '../model/default-model.ts';
import { type PythonCalls, pythonSetupTimeout, setUpPython, startPythonCalls } from './python-environment.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const messages = [{ role: 'user', content: 'What is 2+2?' }];
// The client has no argument for the temperature, since Anthropic's newest models have none.
const request = { model: 'claude-sonnet-5', max_tokens: 24, extra_body: { temperature: 0 } };
const properties = { city: { type: 'string', enum: ['Paris', 'Rome'] } };
const schema = { type: 'object', properties, required: ['city'] };

interface Message {
  readonly content: readonly { readonly type: string; readonly text?: string; readonly input?: object }[];
  readonly stop_reason: string;
  readonly stop_sequence: string | null;
  readonly usage: {
    readonly input_tokens: number;
    readonly cache_read_input_tokens: number;
    readonly output_tokens: number;
  };
}

interface Chat {
  readonly choices: readonly {
    readonly message: {
      readonly content: string | null;
      readonly tool_calls?: readonly {
        readonly function: { readonly name: string; readonly arguments: string };
      }[];
    };
    readonly finish_reason: string;
  }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

let server: TestServer;
let client: PythonCalls;

beforeAll(async () => {
  await setUpPython();
  server = await startTestServer({ SLOTS: '2', API_KEY: 'the key' });
  client = startPythonCalls('anthropic_calls.py', [server.origin, 'the key']);
}, pythonSetupTimeout);

afterAll(async () => {
  await client.end();
  await server.end();
});

describe("Anthropic's client for Python", () => {
  it('lists the model', async () => {
    expect(await client.call('models')).toEqual([model.name]);
  });

  it('creates and streams the same message', async () => {
    const whole = await client.call<Message>('message', { ...request, messages });
    const { types, texts, message } = await client.call<{
      types: string[];
      texts: string[];
      message: Message;
    }>('message_stream', { ...request, messages });

    expect(whole).toMatchObject({
      content: [{ type: 'text', text: expect.stringMatching(/4\.$/) }],
      stop_reason: 'end_turn',
    });
    expect(message).toMatchObject({ content: whole.content, stop_reason: 'end_turn' });
    expect(message.usage.output_tokens).toBe(whole.usage.output_tokens);
    expect(texts.join('')).toBe(whole.content[0]?.text);
    expect([types[0], types.at(-1)]).toEqual(['message_start', 'message_stop']);
  });

  it('is told why a message ended', async () => {
    const cut = await client.call<Message>('message', { ...request, messages, max_tokens: 2 });
    const { message } = await client.call<{ message: Message }>('message_stream', {
      ...request,
      messages,
      stop_sequences: ['4'],
    });

    expect(cut.stop_reason).toBe('max_tokens');
    expect(message).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: '4' });
  });

  it('counts the tokens of a prompt', async () => {
    const system = [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }];
    const count = await client.call<number>('count_tokens', { model: 'claude', messages, system });
    const { usage } = await client.call<Message>('message', { ...request, messages, system });

    expect(usage.input_tokens + usage.cache_read_input_tokens).toBe(count);
  });

  it('sends simultaneous requests, each answered as alone', async () => {
    const requests = ['What is 2+2?', 'Name a colour.'].map((content) => ({
      ...request,
      max_tokens: 6,
      messages: [{ role: 'user', content }],
    }));
    const alone: unknown[] = [];
    for (const one of requests) alone.push((await client.call<Message>('message', one)).content);
    const together = await client.call<Message[]>('messages_at_once', { requests });

    expect(together.map(({ content }) => content)).toEqual(alone);
  });

  it('streams a tool call, and continues with its result', async () => {
    const { message, answer } = await client.call<{ message: Message; answer: Message }>(
      'message_with_tool',
      {
        ...request,
        max_tokens: 64,
        messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
        tools: [{ name: 'weather', input_schema: schema }],
        tool_choice: { type: 'any', disable_parallel_tool_use: true },
        tool_answer: 'Sunny.',
      },
    );

    expect(message).toMatchObject({
      content: [{ type: 'tool_use', name: 'weather', input: { city: expect.stringMatching(/Paris|Rome/) } }],
      stop_reason: 'tool_use',
    });
    expect(answer.content[0]?.text?.length).toBeGreaterThan(0);
  });

  it('raises its own error classes', async () => {
    const stranger = startPythonCalls('anthropic_calls.py', [server.origin, 'another key']);

    await expect(stranger.call('message', { ...request, messages })).rejects.toMatchObject({
      details: { type: 'AuthenticationError', status_code: 401 },
    });
    await stranger.end();
    for (const call of ['message', 'message_stream'])
      await expect(
        client.call(call, { ...request, messages, extra_body: { temperature: -1 } }),
      ).rejects.toMatchObject({
        details: { type: 'BadRequestError', message: expect.stringContaining("'temperature'") },
      });
  });
});

describe("LiteLLM by Anthropic's API", () => {
  // It knows that the newest models of Anthropic have no temperature.
  const chatRequest = { model: model.name, temperature: 0, max_tokens: 24 };
  const tools = [{ type: 'function', function: { name: 'weather', parameters: schema } }];

  it('answers and streams the same chat', async () => {
    const [whole, streamed] = await client.call<[Chat, Chat]>('litellm_chat', { ...chatRequest, messages });

    expect(whole.choices[0]).toMatchObject({
      message: { content: expect.stringMatching(/4\.$/) },
      finish_reason: 'stop',
    });
    expect(streamed.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
    expect(streamed.usage).toMatchObject({
      prompt_tokens: whole.usage.prompt_tokens,
      completion_tokens: whole.usage.completion_tokens,
    });
  });

  it('calls a tool, whole and streamed, and continues with its result', async () => {
    const calling = {
      ...chatRequest,
      max_tokens: 64,
      messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
      tools,
      tool_choice: 'required',
      parallel_tool_calls: false,
    };
    const chats = await client.call<[Chat, Chat]>('litellm_chat', calling);
    const { answer } = await client.call<{ answer: Chat }>('litellm_chat_with_tool', {
      ...calling,
      tool_answer: 'Sunny.',
    });

    for (const { choices } of chats) {
      expect(choices[0]).toMatchObject({
        message: {
          tool_calls: [{ function: { name: 'weather', arguments: expect.stringContaining('city') } }],
        },
        finish_reason: 'tool_calls',
      });
    }
    expect(answer.choices[0]?.message.content?.length).toBeGreaterThan(0);
  });

  it("passes Anthropic's own requests on", async () => {
    const answer = await client.call<Message>('litellm_messages', { ...chatRequest, messages });

    expect(answer.content[0]?.text).toMatch(/4\.$/);
  });
});
