// LangChain's classes for legacy completions and for chats, with the server on port 8000.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { model } from '../model/default-model.ts';
import { type PythonCalls, pythonSetupTimeout, setUpPython, startPythonCalls } from './python-environment.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const settings = { model: model.name, temperature: 0, max_tokens: 6 };
const prompts = ['The capital of France is', 'The capital of Italy is', 'The capital of Spain is'];

let server: TestServer;
let langchain: PythonCalls;

beforeAll(async () => {
  await setUpPython();
  server = await startTestServer({ SLOTS: '2' });
  langchain = startPythonCalls('langchain_calls.py', [`${server.origin}/v1`, 'none']);
}, pythonSetupTimeout);

afterAll(async () => {
  await langchain.end();
  await server.end();
});

describe("LangChain's OpenAI class", () => {
  it('invokes and streams the same text', async () => {
    const whole = await langchain.call<string>('invoke', { settings, prompt: prompts[0] });
    const pieces = await langchain.call<string[]>('stream', { settings, prompt: prompts[0] });

    expect(whole).toMatch(/^ Paris/);
    expect(pieces.join('')).toBe(whole);
  });

  it('sends a batch as one request and as simultaneous requests', async () => {
    const batch = await langchain.call<string[]>('batch', { settings, prompts });

    expect(batch).toHaveLength(3);
    expect(batch[0]).toMatch(/^ Paris/);
    expect(await langchain.call('batch_at_once', { settings, prompts, concurrency: 3 })).toEqual(batch);
  });

  it('generates several texts for each prompt up to a stop string, with their usage', async () => {
    interface Result {
      readonly generations: readonly (readonly { readonly text: string }[])[];
      readonly llm_output: { readonly token_usage: { readonly total_tokens: number } };
    }
    const { generations, llm_output } = await langchain.call<Result>('generate', {
      settings: { ...settings, n: 2, best_of: 2 },
      prompts,
      stop: ['.'],
    });

    expect(generations.map((texts) => texts.length)).toEqual([2, 2, 2]);
    expect(generations.flat().every(({ text }) => !text.includes('.'))).toBe(true);
    expect(generations[0]?.[0]?.text).toBe(' Paris');
    expect(llm_output.token_usage.total_tokens).toBeGreaterThan(15);
  });
});

describe("LangChain's ChatOpenAI class", () => {
  const chatSettings = {
    ...settings,
    max_tokens: 40,
    verbosity: 'low',
    reasoning_effort: 'low',
    store: true,
  };

  it('calls a tool that takes a set and a path, and goes on with messages whose parts have ids', async () => {
    const { tool, text } = await langchain.call<{ tool: string; text: string }>('chat_with_tool', {
      settings: chatSettings,
    });

    expect(tool).toBe('find');
    expect(text).toMatch(/\w/);
  });

  it.each(['json_schema', 'function_calling'])('gives an output of a type by %s', async (method) => {
    expect(await langchain.call('chat_output', { settings: chatSettings, method })).toEqual({
      name: expect.stringMatching(/^(Paris|Rome)$/),
      warm: expect.any(Boolean),
    });
  });
});
