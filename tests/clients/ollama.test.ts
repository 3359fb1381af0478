// Ollama's clients for Node and Python, and LangChain's ChatOllama. Only the host is set.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ollama } from 'ollama';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRequestListener } from '../../src/server/runtime/request-listener.ts';
import { templates } from '../unit/chat/templates.ts';
import { FakeEngine } from '../unit/fake-engine.ts';
import { type PythonCalls, pythonSetupTimeout, setUpPython, startPythonCalls } from './python-environment.ts';
import { model, startTestServer, type TestServer } from './test-server.ts';

const messages = [{ role: 'user', content: 'What is 2+2?' }];
const options = { temperature: 0, num_predict: 20, num_ctx: 2048 };
const listed = `${model.name}:latest`;
const schema = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 12 } },
  required: ['city'],
  additionalProperties: false,
};
const tools = [
  {
    type: 'function',
    function: {
      name: 'weather',
      description: 'Tells the weather.',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
];

let server: TestServer;
let client: Ollama;
let python: PythonCalls;

/** Answers as a model that calls a function, and then thinks about its result. */
let caller: Server;
let callerOrigin: string;
const thought = '<think>It is sunny.</think>Sunny.';
const called = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>';

beforeAll(async () => {
  await setUpPython();
  server = await startTestServer({ CONTEXT_SIZE: '2048', SLOTS: '2' });
  client = new Ollama({ host: server.origin });
  // The requests get a call and an answer by turns.
  const engine = new FakeEngine(
    Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? called : thought)),
    { contextSize: 4096 },
  );
  const load = async () => ({ engine, model: 'fake-1b', chatTemplate: templates.thinkingWithTools });
  caller = createServer(createRequestListener({ load, timeoutSeconds: 60 }));
  await once(caller.listen(0, '127.0.0.1'), 'listening');
  callerOrigin = `http://127.0.0.1:${(caller.address() as AddressInfo).port}`;
  python = startPythonCalls('ollama_calls.py', [server.origin, callerOrigin]);
}, pythonSetupTimeout);

afterAll(async () => {
  await python.end();
  caller.close();
  caller.closeAllConnections();
  await server.end();
});

describe("Ollama's client for Node", () => {
  it('finds the model', async () => {
    const { models } = await client.list();
    const running = await client.ps();
    const shown = await client.show({ model: listed });

    expect(models).toMatchObject([
      {
        name: listed,
        size: model.sizeBytes,
        digest: model.sha256,
        details: { family: 'llama', parameter_size: '134.52M', quantization_level: 'Q4_1' },
      },
    ]);
    expect(running.models).toMatchObject([{ name: listed, context_length: 2048 }]);
    expect(shown.capabilities).toEqual(['completion', 'tools']);
    expect(shown.model_info).toMatchObject({ 'llama.context_length': 2048 });
    expect((await client.version()).version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('chats, whole and in a stream', async () => {
    const request = { model: listed, messages, options };
    const whole = await client.chat(request);
    const parts = await Array.fromAsync(await client.chat({ ...request, stream: true }));

    expect(whole.message.content).toMatch(/4\.$/);
    expect(whole).toMatchObject({ done: true, done_reason: 'stop', eval_count: 12 });
    expect(whole.eval_duration).toBeGreaterThan(0);
    expect(parts.map(({ message }) => message.content).join('')).toBe(whole.message.content);
    expect(parts.length).toBeGreaterThan(5);
    expect(parts.at(-1)).toMatchObject({
      done: true,
      done_reason: 'stop',
      prompt_eval_count: whole.prompt_eval_count,
      eval_count: whole.eval_count,
    });
  });

  it('generates, with a system message, raw and in a stream', async () => {
    const prompt = 'The capital of France is';
    const short = { model: listed, options: { ...options, num_predict: 6 } };
    const raw = await client.generate({ ...short, prompt, raw: true });
    const parts = await Array.fromAsync(await client.generate({ ...short, prompt, raw: true, stream: true }));
    const chat = await client.generate({ ...short, prompt: 'Hi', system: 'Say hello.' });

    expect(raw).toMatchObject({ response: expect.stringMatching(/^ Paris/), done_reason: 'length' });
    expect(parts.map(({ response }) => response).join('')).toBe(raw.response);
    expect(chat.response).toMatch(/\w/);
  });

  it('gets JSON of a schema', async () => {
    const { message } = await client.chat({
      model: listed,
      messages: [{ role: 'user', content: 'Name a town.' }],
      format: schema,
      options: { ...options, num_predict: 40 },
    });

    expect(JSON.parse(message.content)).toEqual({ city: expect.any(String) });
  });

  it('loads the model', async () => {
    expect(await client.generate({ model: listed, prompt: '' })).toMatchObject({ done_reason: 'load' });
    expect(await client.chat({ model: listed })).toMatchObject({ done_reason: 'load' });
  });

  it('throws what the server says', async () => {
    const long = [{ role: 'user', content: 'word '.repeat(5000) }];

    await expect(client.chat({ model: listed, messages: long })).rejects.toMatchObject({
      name: 'ResponseError',
      status_code: 400,
      message: expect.stringContaining('The context has 2048'),
    });
    await expect(client.embed({ model: listed, input: 'a' })).rejects.toMatchObject({
      status_code: 400,
      message: expect.stringContaining('cannot make embeddings'),
    });
    await expect(client.pull({ model: 'llama3.2' })).rejects.toMatchObject({
      status_code: 400,
      message: expect.stringContaining('baked into its image'),
    });
    await expect(client.delete({ model: listed })).rejects.toMatchObject({ status_code: 400 });
  });

  it('ends a stream that it no longer wants', async () => {
    const stream = await client.chat({ model: listed, messages, options: { temperature: 0 }, stream: true });
    const read = async () => {
      for await (const _ of stream) stream.abort();
    };

    await expect(read()).rejects.toThrow(/abort/i);
    expect(await client.generate({ model: listed, prompt: 'Hi', options })).toMatchObject({ done: true });
  });

  it('calls a function, and gets an answer with thoughts about its result', async () => {
    const other = new Ollama({ host: callerOrigin });
    const stream = await other.chat({ model: 'fake-1b', messages, tools, stream: true });
    const calls = (await Array.fromAsync(stream)).flatMap(({ message }) => message.tool_calls ?? []);
    const { message } = await other.chat({
      model: 'fake-1b',
      messages: [
        ...messages,
        { role: 'assistant', content: '', tool_calls: calls },
        { role: 'tool', content: 'sunny', tool_name: 'weather' },
      ],
      tools,
      think: true,
    });

    expect(calls).toMatchObject([{ function: { name: 'weather', arguments: { city: 'Rome' } } }]);
    expect(message).toEqual({ role: 'assistant', content: 'Sunny.', thinking: 'It is sunny.' });
  });
});

describe("Ollama's client for Python", () => {
  it('finds the model', async () => {
    expect(await python.call('models')).toEqual({
      listed: [listed],
      running: [listed],
      capabilities: ['completion', 'tools'],
    });
  });

  it('chats, whole, in a stream and asynchronously', async () => {
    interface Chats {
      readonly whole: string;
      readonly pieces: readonly string[];
      readonly asynchronous: readonly string[];
    }
    const request = { model: listed, messages, options };
    const { whole, pieces, asynchronous } = await python.call<Chats>('chat', request);

    expect(whole).toMatch(/4\.$/);
    expect(pieces.join('')).toBe(whole);
    expect(asynchronous).toEqual(pieces);
  });

  it('generates raw', async () => {
    const request = { model: listed, prompt: 'The capital of France is', raw: true, options };

    expect(await python.call('generate', request)).toMatch(/^ Paris/);
  });

  it('raises what the server says', async () => {
    await expect(python.call('embed', { model: listed, input: ['a'] })).rejects.toThrow(
      /ResponseError.*cannot make embeddings/,
    );
    await expect(python.call('pull', { model: 'llama3.2' })).rejects.toThrow(/ResponseError.*baked/);
  });

  it('calls a function, and gets an answer with thoughts about its result', async () => {
    expect(await python.call('use_tool', { messages, tools })).toEqual({
      calls: [['weather', { city: 'Rome' }]],
      answer: 'Sunny.',
      thinking: 'It is sunny.',
    });
  });
});

describe("LangChain's ChatOllama", () => {
  const settings = { model: listed, temperature: 0, num_predict: 20 };

  it('invokes and streams the same text, with its usage', async () => {
    interface Result {
      readonly text: string;
      readonly pieces: readonly string[];
      readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
    }
    const { text, pieces, usage } = await python.call<Result>('langchain_chat', {
      settings: { ...settings, validate_model_on_init: true },
      question: 'What is 2+2?',
    });

    expect(text).toMatch(/4\.$/);
    expect(pieces.join('')).toBe(text);
    expect(usage).toMatchObject({ output_tokens: 12 });
    expect(usage.input_tokens).toBeGreaterThan(10);
  });

  it('gets an object of a schema', async () => {
    const request = { settings: { ...settings, num_predict: 40 }, question: 'Name a town.', schema };

    expect(await python.call('langchain_structured', request)).toEqual({ city: expect.any(String) });
  });

  it('calls a function, and gets an answer with thoughts about its result', async () => {
    expect(await python.call('langchain_tool', { question: 'Weather?', tools })).toEqual({
      calls: [['weather', { city: 'Rome' }]],
      answer: 'Sunny.',
      thinking: 'It is sunny.',
    });
  });
});
