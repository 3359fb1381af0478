// Answers that the invocation's time does not suffice for, on port 8000 and under the real emulator, which would kill
// a runtime that is late, and its cache with it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChatChunk, ChatCompletion } from '../../src/api/chat/chat-completion.ts';
import type { Completion, CompletionChunk } from '../../src/api/completions/completion.ts';
import { Pace } from '../../src/engine/sequence/pace.ts';
import { model } from './default-model.ts';
import { type FrontProcess, startFrontProcess } from './front-process.ts';
import { readPieces, toEvents } from './streamed-answer.ts';

/** Short, but loading the model must fit in as well: the emulator counts it to the first invocation. */
const timeoutSeconds = 5;

const story = { prompt: 'Once upon a time', temperature: 0, ignore_eos: true };
/** The default model was trained on no more. */
const contextSize = 8192;
/** More than any machine generates in that time. */
const endless = { ...story, max_tokens: 8_000 };
const promptLength = 8_000;
/** More than any machine evaluates in that time. Each begins otherwise, so none goes on where another one was cut. */
const toLongPrompt = (first: number) =>
  Array.from({ length: promptLength }, (_, index) => 1_000 + ((first + index) % 997));
const messages = [{ role: 'user', content: 'Tell me a story.' }];
const endlessChat = { model: model.name, messages, temperature: 0, ignore_eos: true };

let front: FrontProcess;
let origin: string;
let runtimes: number[];
/** What the story begins with, by each of the two ways in. */
let beginnings: (string | undefined)[];

beforeAll(async () => {
  // One thread: what runs beside it here has the other core.
  const env = {
    FUNCTION_TIMEOUT: String(timeoutSeconds),
    CONTEXT_SIZE: String(contextSize),
    THREADS: '1',
    SLOTS: '2',
  };
  front = await startFrontProcess(env);
  ({ origin } = new URL(front.url));
  beginnings = await begin();
  runtimes = front.runtimePids();
});

afterAll(async () => {
  await front.end('SIGTERM');
});

async function post<Body>(url: string, request: object): Promise<Body> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  return (await response.json()) as Body;
}

const invoke = <Body = Completion>(event: object) => post<Body>(front.url, event);
const complete = (request: object) => post<Completion>(`${origin}/v1/completions`, request);

async function stream<Chunk>(path: string, request: object): Promise<Chunk[]> {
  const response = await fetch(`${origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...request, stream: true }),
  });
  if (response.body === null) throw new Error('The answer has no body.');
  const events = toEvents(await readPieces(response.body, performance.now()));
  expect(events.pop()?.data).toBe('[DONE]');
  return events.map(({ data }) => JSON.parse(data) as Chunk);
}

const begin = () =>
  Promise.all(
    [invoke, complete].map(async (ask) => (await ask({ ...story, max_tokens: 6 })).choices[0]?.text),
  );

/** Whatever came before, the next answer is right, and comes from the same runtime. */
async function expectNoTrace(): Promise<void> {
  expect(await begin()).toEqual(beginnings);
  expect(front.runtimePids()).toEqual(runtimes);
  expect(front.output()).not.toMatch(/timed out|Timeout/);
}

describe('when the time is up', () => {
  it('a completion is what there is of it, whole and streamed', async () => {
    const [invoked, chunks] = await Promise.all([
      invoke(endless),
      stream<CompletionChunk>('/v1/completions', endless),
    ]);
    const texts = [invoked.choices[0]?.text, chunks.map(({ choices }) => choices[0]?.text).join('')];

    expect(invoked).toMatchObject({ choices: [{ finish_reason: 'length' }], timings: { deadline: true } });
    expect(chunks.at(-1)).toMatchObject({
      choices: [{ finish_reason: 'length' }],
      timings: { deadline: true },
    });
    for (const text of texts) expect(text?.startsWith(`${beginnings[0]}`)).toBe(true);
    expect(invoked.usage.completion_tokens).toBeGreaterThan(6);
    expect(invoked.usage.completion_tokens).toBe(invoked.timings.predicted_n);
    await expectNoTrace();
  });

  it('a chat is what there is of it, whole and streamed', async () => {
    const [invoked, chunks] = await Promise.all([
      invoke<ChatCompletion>(endlessChat),
      stream<ChatChunk>('/v1/chat/completions', endlessChat),
    ]);
    const streamed = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    const content = invoked.choices[0]?.message.content ?? '';

    expect(invoked).toMatchObject({ choices: [{ finish_reason: 'length' }], timings: { deadline: true } });
    expect(chunks.at(-1)).toMatchObject({
      choices: [{ finish_reason: 'length' }],
      timings: { deadline: true },
    });
    expect(Math.min(content.length, streamed.length)).toBeGreaterThan(10);
    expect(content.startsWith(streamed) || streamed.startsWith(content)).toBe(true);
    await expectNoTrace();
  });

  it('JSON and a call are what there is of them, and not held to their schemas', async () => {
    const schema = { type: 'array', items: { type: 'integer' }, minItems: 2_000 };
    const story = {
      type: 'object',
      properties: { story: { type: 'string', minLength: 9_000 } },
      required: ['story'],
    };
    const tell = { type: 'function', function: { name: 'tell', parameters: story } };
    const [list, call] = await Promise.all([
      invoke({ prompt: 'Numbers:', max_tokens: 8_000, temperature: 0, json_schema: schema }),
      post<ChatCompletion>(`${origin}/v1/chat/completions`, {
        ...endlessChat,
        tools: [tell],
        tool_choice: 'required',
      }),
    ]);

    expect(list).toMatchObject({
      choices: [{ text: expect.stringMatching(/^\[/), finish_reason: 'length' }],
      timings: { deadline: true },
    });
    expect(call).toMatchObject({ choices: [{ finish_reason: 'length' }], timings: { deadline: true } });
    await expectNoTrace();
  });

  it('every choice ends, and whoever waits for a slot', async () => {
    const [scored, several, ...waiting] = await Promise.all([
      invoke({ ...endless, best_of: 2, logprobs: 2 }),
      complete({ ...endless, n: 3 }),
      complete(endless),
      complete(endless),
    ]);

    for (const { choices, timings } of [scored, several, ...waiting]) {
      expect(choices.every(({ finish_reason }) => finish_reason === 'length')).toBe(true);
      expect(timings.deadline).toBe(true);
    }
    expect(several.choices).toHaveLength(3);
    expect(scored.choices[0]?.logprobs?.tokens.join('')).toBe(scored.choices[0]?.text);
    await expectNoTrace();
  });

  it('within the prompt, there is no text, and the next answer is right', async () => {
    const cut = {
      choices: [{ text: '', finish_reason: 'length' }],
      usage: { prompt_tokens: promptLength, completion_tokens: 0 },
      timings: { predicted_n: 0, deadline: true },
    };
    const answers = await Promise.all(
      [invoke, complete].map((ask, index) => ask({ ...story, prompt: toLongPrompt(index), max_tokens: 5 })),
    );

    for (const answer of answers) expect(answer).toMatchObject(cut);
    await expectNoTrace();
  });

  it('within the prompt, what was not evaluated is not counted as such', async () => {
    const { timings } = await complete({ ...story, prompt: toLongPrompt(2), max_tokens: 5 });

    expect(timings.deadline).toBe(true);
    expect(timings.cache_n + timings.prompt_n).toBeLessThan(promptLength);
  });

  it('within an echoed prompt, no log-probability is missing without a word', async () => {
    const request = { ...story, prompt: toLongPrompt(3), max_tokens: 0, echo: true, logprobs: 0 };
    const { choices } = (await complete(request)) as Partial<Completion>;

    // Whoever adds them up would take a part for all; an error would do as well.
    expect(choices?.[0]?.logprobs?.tokens.length).toBe(choices && promptLength);
  });
});

describe('what a step is expected to take', () => {
  // Measured on a busy machine: one token 60 ms, 128 tokens a second.
  it('is not what a token alone takes, times its tokens', () => {
    const pace = new Pace();
    for (let prompt = 0; prompt < 12; prompt++) pace.prefilled(1, 60);
    for (let chunk = 0; chunk < 4; chunk++) pace.prefilled(32, 320);

    expect(pace.expectPrefill(128)).toBeLessThan(4_000);
  });

  // What is not tried teaches nothing: a server that expects too much would refuse every prompt from then on.
  it('is not a single stumble, times the tokens', () => {
    const pace = new Pace();
    for (let chunk = 0; chunk < 4; chunk++) pace.prefilled(32, 320);
    pace.prefilled(1, 700);

    expect(pace.expectPrefill(32)).toBeLessThan(3_000);
  });
});
