// The Python clients that speak OpenAI's Responses: OpenAI's own, openai-agents and pydantic-ai. Only the base URL and the key
// are set.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PythonCalls, pythonSetupTimeout, setUpPython, startPythonCalls } from './python-environment.ts';
import { model, startTestServer, type TestServer } from './test-server.ts';

const input = 'What is 2+2?';
const question = 'What is the weather in Paris?';
const settings = { model: model.name, temperature: 0, max_output_tokens: 20 };
const city = expect.stringMatching(/^(?:Paris|Rome)$/);

interface Response {
  readonly status: string;
  readonly output: readonly { readonly content: readonly { readonly text: string }[] }[];
  readonly usage: { readonly output_tokens: number };
}

let server: TestServer;
let python: PythonCalls;

beforeAll(async () => {
  await setUpPython();
  server = await startTestServer({ API_KEY: 'the key' });
  python = startPythonCalls('responses_calls.py', [`${server.origin}/v1`, 'the key']);
}, pythonSetupTimeout);

afterAll(async () => {
  await python.end();
  await server.end();
});

describe("OpenAI's client for Python", () => {
  it('creates and streams the same response', async () => {
    const whole = await python.call<Response>('create', { ...settings, input });
    const { response, types } = await python.call<{ response: Response; types: string[] }>('stream', {
      ...settings,
      input,
    });
    const textOf = ({ output }: Response) => output[0]?.content[0]?.text;

    expect(textOf(whole)).toMatch(/4\.$/);
    expect(textOf(response)).toBe(textOf(whole));
    expect(response).toMatchObject({
      status: 'completed',
      usage: { output_tokens: whole.usage.output_tokens },
    });
    expect([types[0], types.at(-1)]).toEqual(['response.created', 'response.completed']);
  });

  it('parses JSON of a model', async () => {
    expect(await python.call('parse', { ...settings, input: question })).toEqual({ city });
  });

  it('streams a call, and continues with its output', async () => {
    const { calls, text } = await python.call<{ calls: object[]; text: string }>('stream_with_tool', {
      ...settings,
      max_output_tokens: 60,
      input: question,
      parallel_tool_calls: false,
      tool_output: 'Sunny.',
    });

    expect(calls).toMatchObject([{ name: 'weather', parsed_arguments: { city } }]);
    expect(text.length).toBeGreaterThan(0);
  });

  it('raises its own error classes', async () => {
    await expect(python.call('create', { ...settings, input: [] })).rejects.toMatchObject({
      details: { type: 'BadRequestError', code: 'invalid_value', param: 'input' },
    });
  });
});

describe('openai-agents', () => {
  it.each([false, true])('runs a tool and answers, streamed: %s', async (streamed) => {
    const run = await python.call<{ output: string }>('agents_run', {
      model: model.name,
      question,
      streamed,
    });

    expect(run).toMatchObject({ asked: [city] });
    expect(run.output.length).toBeGreaterThan(0);
  });

  it('answers with a type', async () => {
    expect(await python.call('agents_output', { model: model.name, question })).toEqual({ city });
  });
});

describe("pydantic-ai's openai:", () => {
  it('speaks Responses', async () => {
    expect(await python.call('pydantic_kind', { model: model.name })).toBe('OpenAIResponsesModel');
  });

  it('answers, streams the same answer, and continues', async () => {
    interface Answer {
      readonly output: string;
      readonly pieces: readonly string[];
      readonly again: string;
      readonly output_tokens: number;
    }
    const answer = await python.call<Answer>('pydantic_text', { model: model.name, question: input });

    expect(answer.output.length).toBeGreaterThan(0);
    expect(answer.pieces.join('')).toBe(answer.output);
    expect(answer.again.length).toBeGreaterThan(0);
    expect(answer.output_tokens).toBeGreaterThan(1);
  });

  it.each([true, false])('answers with a type, by a schema of the text: %s', async (native) => {
    expect(await python.call('pydantic_output', { model: model.name, question, native })).toEqual({ city });
  });
});
