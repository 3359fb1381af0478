// OpenAI's client for Python with the server on port 8000. Only its base URL and key are changed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { model } from '../model/default-model.ts';
import { type PythonCalls, pythonSetupTimeout, setUpPython, startPythonCalls } from './python-environment.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const prompt = 'The capital of France is';
const messages = [{ role: 'user', content: 'What is 2+2?' }];
const request = { model: model.name, temperature: 0, max_tokens: 8 };

interface Completion {
  readonly choices: readonly {
    readonly text: string;
    readonly index: number;
    readonly finish_reason: string | null;
    readonly logprobs: { readonly tokens: string[]; readonly token_logprobs: (number | null)[] } | null;
  }[];
  readonly usage?: { readonly total_tokens: number } | null;
}

interface Chat {
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly delta: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
}

let server: TestServer;
let client: PythonCalls;

beforeAll(async () => {
  await setUpPython();
  server = await startTestServer({ SLOTS: '2', API_KEY: 'the key' });
  client = startPythonCalls('openai_calls.py', [`${server.origin}/v1`, 'the key']);
}, pythonSetupTimeout);

afterAll(async () => {
  await client.end();
  await server.end();
});

describe("OpenAI's client for Python", () => {
  it('lists the model', async () => {
    expect(await client.call('models')).toEqual([model.name]);
  });

  it('creates and streams the same completion', async () => {
    const whole = await client.call<Completion>('completion', { ...request, prompt });
    const chunks = await client.call<Completion[]>('completion_stream', {
      ...request,
      prompt,
      stream_options: { include_usage: true },
    });

    expect(whole.choices[0]?.text).toMatch(/^ Paris/);
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(whole.choices[0]?.text);
    expect(chunks.at(-1)?.usage).toMatchObject({ total_tokens: 13 });
  });

  it('returns the log-probabilities of an echoed prompt', async () => {
    const { choices } = await client.call<Completion>('completion', {
      ...request,
      prompt,
      max_tokens: 1,
      echo: true,
      logprobs: 1,
    });

    expect(choices[0]?.logprobs?.tokens).toEqual(['The', ' capital', ' of', ' France', ' is', ' Paris']);
    expect(choices[0]?.logprobs?.token_logprobs[0]).toBeNull();
  });

  it('sends simultaneous requests, each answered as alone', async () => {
    const prompts = [prompt, 'The capital of Italy is', 'The capital of Spain is'];
    const alone: string[] = [];
    for (const one of prompts) {
      const { choices } = await client.call<Completion>('completion', {
        ...request,
        prompt: one,
        max_tokens: 3,
      });
      alone.push(choices[0]?.text ?? '');
    }
    const requests = prompts.map((one) => ({ ...request, prompt: one, max_tokens: 3 }));
    const together = await client.call<Completion[]>('completions_at_once', { requests });

    expect(together.map(({ choices }) => choices[0]?.text)).toEqual(alone);
  });

  it('creates and streams the same chat completion', async () => {
    const whole = await client.call<Chat>('chat', { ...request, messages });
    const chunks = await client.call<Chat[]>('chat_stream', { ...request, messages });

    expect(whole.choices[0]?.message.content.length).toBeGreaterThan(0);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(
      whole.choices[0]?.message.content,
    );
  });

  it('streams a tool call, and continues the chat with its result', async () => {
    const parameters = {
      type: 'object',
      properties: { city: { enum: ['Paris', 'Rome'] } },
      required: ['city'],
    };
    const { message, answer } = await client.call<{ message: object; answer: Chat }>('chat_with_tool', {
      ...request,
      max_tokens: 64,
      messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
      tools: [{ type: 'function', function: { name: 'weather', parameters } }],
      tool_choice: 'required',
      parallel_tool_calls: false,
      tool_answer: 'Sunny.',
    });

    expect(message).toMatchObject({ tool_calls: [{ index: 0, function: { name: 'weather' } }] });
    expect(answer.choices[0]?.message.content.length).toBeGreaterThan(0);
  });

  it('decides about an input', async () => {
    const { answers } = await client.call<{ answers: object[] }>('decisions', {
      model: model.name,
      input: [{ role: 'user', content: 'The room was clean, quiet and had a wonderful view.' }],
      questions: [
        { type: 'predicate', instructions: 'The review is positive.', name: 'positive' },
        {
          type: 'choice',
          instructions: 'What is the sentiment of the review?',
          choices: [{ value: 'positive' }, { value: 'negative' }],
        },
      ],
    });

    expect(answers).toMatchObject([
      { type: 'predicate', name: 'positive', probability: expect.any(Number) },
      { type: 'choice', name: null, choice: 'positive', confidence: expect.any(Number) },
    ]);
  });

  it('raises its own error classes', async () => {
    const failing = (args: object) => client.call('completion', { ...request, prompt, ...args });

    await expect(failing({ prompt: prompt.repeat(10_000) })).rejects.toMatchObject({
      details: { type: 'BadRequestError', code: 'context_length_exceeded', param: 'prompt' },
    });
  });

  it('raises an AuthenticationError with a wrong key', async () => {
    const stranger = startPythonCalls('openai_calls.py', [`${server.origin}/v1`, 'another key']);

    await expect(stranger.call('models')).rejects.toMatchObject({ details: { type: 'AuthenticationError' } });
    await stranger.end();
  });
});
