// Python frameworks that call tools and want outputs of a type. Only the base URL, the key and the model are set.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { model } from '../model/default-model.ts';
import { type PythonCalls, pythonSetupTimeout, setUpPython, startPythonCalls } from './python-environment.ts';
import { startTestServer, type TestServer } from './test-server.ts';

let server: TestServer;
let python: PythonCalls;

beforeAll(async () => {
  await setUpPython();
  server = await startTestServer({ CONTEXT_SIZE: '4096' });
  python = startPythonCalls('agent_calls.py', []);
}, pythonSetupTimeout);

afterAll(async () => {
  await python.end();
  await server.end();
});

function call<Result>(name: string, args: object = {}): Promise<Result> {
  return python.call<Result>(name, { base_url: `${server.origin}/v1`, model: model.name, ...args });
}

const isTown = { name: expect.stringMatching(/^(Paris|Rome)$/), warm: expect.any(Boolean) };

describe('LiteLLM', () => {
  interface Answer {
    readonly choices: readonly {
      readonly message: {
        readonly content: string | null;
        readonly tool_calls: readonly { readonly function: { readonly arguments: string } }[] | null;
      };
    }[];
  }

  it.each([{ stream: false }, { stream: true }])('sends back what it received: %j', async (args) => {
    const [first, second, third] = await call<Answer[]>('litellm_turns', args);

    expect(JSON.parse(first?.choices[0]?.message.tool_calls?.[0]?.function.arguments ?? '')).toEqual({
      city: isTown.name,
    });
    expect(second?.choices[0]?.message.content).toMatch(/\w/);
    expect(third?.choices).toHaveLength(1);
  });
});

describe('smolagents', () => {
  interface Run {
    readonly answer: string;
    readonly calls: readonly string[];
    readonly outputs: readonly string[];
    readonly errors: readonly string[];
  }

  it.each([{ stream: false }, { stream: true }])(
    'calls a tool with an argument that may be null: %j',
    async (args) => {
      const { calls, errors, answer } = await call<Run>('smolagents_tools', args);

      expect(errors.filter((error) => !error.startsWith('Reached max steps'))).toEqual([]);
      expect(calls.length).toBeGreaterThan(0);
      expect(answer).toMatch(/\w/);
    },
  );

  it('asks for code as text up to its stop strings', async () => {
    const { outputs, answer } = await call<Run>('smolagents_code', { structured: false });

    expect(outputs[0]).toMatch(/\w/);
    expect(answer).toMatch(/\w/);
  });

  it('asks for code in a structured output', async () => {
    const { outputs } = await call<Run>('smolagents_code', { structured: true });

    expect(outputs[0]).toMatch(/^\{\s*"thought"/);
  });
});

describe("OpenAI's agents", () => {
  it.each([{ stream: false }, { stream: true }])('call a tool, and give a typed output: %j', async (args) => {
    const { items, answer, output } = await call<{ items: string[]; answer: string; output: object }>(
      'openai_agents',
      args,
    );

    expect(items).toEqual(['tool_call_item', 'tool_call_output_item', 'message_output_item']);
    expect(answer).toMatch(/\w/);
    expect(output).toEqual(isTown);
  });
});

describe('Pydantic AI', () => {
  it.each([
    { way: 'default', stream: false },
    { way: 'default', stream: true },
    { way: 'tool', stream: false },
    { way: 'native', stream: true },
  ])('gives a typed output: %j', async (args) => {
    expect(await call('pydantic_ai_output', args)).toEqual(isTown);
  });

  it('calls a tool, and answers with its result', async () => {
    expect(await call('pydantic_ai_tool')).toEqual({
      calls: [['weather', { city: isTown.name }]],
      text: expect.stringMatching(/\w/),
    });
  });
});

describe('instructor', () => {
  it.each([
    { mode: 'TOOLS', stream: false },
    { mode: 'TOOLS', stream: true },
    { mode: 'JSON_SCHEMA', stream: false },
    { mode: 'JSON_SCHEMA', stream: true },
  ])('gives a typed output: %j', async (args) => {
    expect(await call('instructor_output', args)).toEqual(isTown);
  });

  it('gives an output of any JSON', async () => {
    expect(await call('instructor_output', { mode: 'JSON', stream: false })).toHaveProperty('title');
  });
});
