// The Python clients that speak OpenAI's Responses: OpenAI's own, openai-agents and pydantic-ai. Only the base URL and the key
// are set.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PythonCalls, pythonSetupTimeout, setUpPython, startPythonCalls } from './python-environment.ts';
import { model, startTestServer, type TestServer } from './test-server.ts';

const input = 'What is 2+2?';
const question = 'What is the weather in Paris?';
const settings = { model: model.name, temperature: 0, max_output_tokens: 20 };
const city = expect.stringMatching(/^(?:Paris|Rome)$/);

interface Response {
  readonly id: string;
  readonly status: string;
  readonly output: readonly { readonly content: readonly { readonly text: string }[] }[];
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
}

const directory = mkdtempSync(join(tmpdir(), 'responses-'));

let server: TestServer;
let storing: TestServer;
let python: PythonCalls;
let storingPython: PythonCalls;

const start = async (env: NodeJS.ProcessEnv = {}) => {
  const started = await startTestServer({ API_KEY: 'the key', ...env });
  return [started, startPythonCalls('responses_calls.py', [`${started.origin}/v1`, 'the key'])] as const;
};

beforeAll(async () => {
  await setUpPython();
  [server, python] = await start();
  [storing, storingPython] = await start({ RESPONSES_DIR: directory });
}, pythonSetupTimeout);

afterAll(async () => {
  await Promise.all([python.end(), storingPython.end()]);
  await Promise.all([server.end(), storing.end()]);
  rmSync(directory, { recursive: true });
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

describe('a server that stores responses', () => {
  /** Two turns: the second one goes on from the first, and reads it again. */
  function expectContinued([first, second]: readonly Response[]) {
    expect(first).toMatchObject({ status: expect.any(String), store: true });
    expect(second).toMatchObject({ previous_response_id: first?.id, store: true });
    expect(second?.usage.input_tokens).toBeGreaterThan(
      (first?.usage.input_tokens ?? 0) + (first?.usage.output_tokens ?? 0),
    );
  }

  const questions = [input, 'And 3+3?'];

  it("continues, retrieves, lists and deletes with OpenAI's client", async () => {
    const args = { ...settings, input };
    const stored = await storingPython.call<
      Record<'first' | 'second' | 'retrieved', Response> & { items: object[]; deleted: boolean }
    >('stored_turns', args);

    expectContinued([stored.first, stored.second]);
    expect(stored.retrieved).toMatchObject({ id: stored.second.id, output: [{ role: 'assistant' }] });
    expect(stored.items).toMatchObject([
      { role: 'user', content: [{ type: 'input_text', text: input }] },
      { role: 'assistant', content: [{ text: stored.first.output[0]?.content[0]?.text }] },
      { role: 'user', content: [{ text: 'And 3+3?' }] },
    ]);
    expect(stored.deleted).toBe(true);
  });

  it('continues with openai-agents', async () => {
    expectContinued(await storingPython.call('agents_stored', { model: model.name, questions }));
  });

  it("continues with pydantic-ai's openai:", async () => {
    expectContinued(await storingPython.call('pydantic_stored', { model: model.name, questions }));
  });
});
