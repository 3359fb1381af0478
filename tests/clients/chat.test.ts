// POST /v1/chat/completions on a real model, with the cases of vLLM's and llama-server's own tests.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChatChunk, ChatChunkChoice, ChatCompletion } from '../../src/api/chat/chat-completion.ts';
import type { Completion } from '../../src/api/completions/completion.ts';
import type { ErrorBody } from '../../src/errors/request-error.ts';
import { type Answer, groupByIndex, model, startTestServer, type TestServer } from './test-server.ts';

const path = '/v1/chat/completions';
const contextSize = 256;
const messages = [
  { role: 'system', content: 'You are brief.' },
  { role: 'user', content: 'What is the capital of France?' },
];

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ CONTEXT_SIZE: String(contextSize) });
});

afterAll(async () => {
  await server.end();
});

const toRequest = (fields: object) => ({
  model: model.name,
  messages,
  max_tokens: 6,
  temperature: 0,
  ...fields,
});

async function chat(fields: object = {}): Promise<ChatCompletion> {
  const { status, body } = await server.post<ChatCompletion>(path, toRequest(fields));
  expect({ status, body }).toMatchObject({ status: 200 });
  return body;
}

const contentOf = async (fields: object = {}) => (await chat(fields)).choices[0]?.message.content;

const chunksOf = (fields: object = {}) => server.stream<ChatChunk>(path, toRequest(fields));

/** Streams the same request, and joins the chunks to whole choices. */
async function chatStreamed(fields: object = {}) {
  const chunks = await chunksOf({ ...fields, stream_options: { include_usage: true } });
  expect(new Set(chunks.map(({ id, object }) => `${id} ${object}`)).size).toBe(1);
  const choices = groupByIndex(chunks.flatMap((chunk) => chunk.choices)).map(joinChoice);
  return { choices, usage: chunks.at(-1)?.usage };
}

function joinChoice(parts: readonly ChatChunkChoice[]) {
  const [begin, ...rest] = parts;
  expect(begin?.delta).toEqual({ role: 'assistant', content: '' });
  expect(rest.some(({ delta }) => 'role' in delta)).toBe(false);
  const reasons = parts.map(({ finish_reason }) => finish_reason);
  expect(reasons.slice(0, -1).every((reason) => reason === null)).toBe(true);
  expect(parts.at(-1)?.delta).toEqual({});
  const content = parts.flatMap(({ logprobs }) => logprobs?.content ?? []);
  return {
    index: begin?.index,
    message: { role: 'assistant', content: parts.map(({ delta }) => delta.content ?? '').join('') },
    finish_reason: reasons.at(-1),
    logprobs: content.length === 0 ? null : { content, refusal: null },
  };
}

async function refuse(fields: object): Promise<ErrorBody['error']> {
  const answer: Answer<ErrorBody> = await server.post(path, toRequest(fields));
  expect(answer).toMatchObject({ status: 400, body: { error: { type: 'invalid_request_error' } } });
  return answer.body.error;
}

/** Renders messages to a prompt, and counts its tokens. */
async function render(conversation: readonly object[]) {
  const { body } = await server.post<{ prompt: string }>('/apply-template', { messages: conversation });
  const tokenized = await server.post<{ count: number }>('/tokenize', { prompt: body.prompt });
  return { prompt: body.prompt, count: tokenized.body.count };
}

describe('a chat', () => {
  it('is answered by the assistant, with exact token counts', async () => {
    const { count } = await render(messages);
    const answer = await chat();

    expect(answer).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      model: model.name,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: expect.stringContaining('France'), refusal: null },
          finish_reason: 'length',
          logprobs: null,
        },
      ],
      usage: { prompt_tokens: count, completion_tokens: 6, total_tokens: count + 6 },
      timings: { predicted_n: 6 },
    });
    expect(answer.choices[0]?.message).not.toHaveProperty('tool_calls');
    expect(Math.abs(answer.created - Date.now() / 1000)).toBeLessThan(300);
  });

  it('has the same text as a completion of its rendered prompt', async () => {
    const { prompt } = await render(messages);
    const { body } = await server.post<Completion>('/v1/completions', {
      prompt,
      max_tokens: 6,
      temperature: 0,
    });

    expect(body.choices[0]?.text).toBe(await contentOf());
  });

  it("ends with the model's turn, whose last token is counted but not returned", async () => {
    const { choices, usage } = await chat({
      messages: [{ role: 'user', content: 'What is 2+2?' }],
      max_tokens: 40,
    });

    expect(choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: expect.stringMatching(/4\.$/) },
    });
    const content = choices[0]?.message.content ?? '';
    const { body } = await server.post<{ count: number }>('/tokenize', { content });
    expect(usage.completion_tokens).toBe(body.count + 1);
  });

  it('may have contents in parts, and a developer message as its system message', async () => {
    const [system, user] = messages;
    const lines = ['What is the capital', 'of France?'];
    const parts = lines.map((text) => ({ type: 'text', text }));
    const whole = await chat();
    const inLines = await chat({ messages: [system, { role: 'user', content: lines.join('\n') }] });
    const inParts = await chat({ messages: [system, { role: 'user', content: parts }] });

    expect(inParts.choices).toEqual(inLines.choices);
    for (const same of [
      [{ role: 'developer', content: system?.content }, user],
      [{ role: 'system', content: [{ type: 'text', text: system?.content }] }, user],
      [system, { ...user, name: 'Ada' }],
    ]) {
      const { choices, usage } = await chat({ messages: same });
      expect({ choices, total: usage.total_tokens }).toEqual({
        choices: whole.choices,
        total: whole.usage.total_tokens,
      });
    }
  });

  it('takes its earlier turns from the cache', async () => {
    const conversation = [
      ...messages.slice(0, 1),
      {
        role: 'user',
        content: `${'I have a question about a country. '.repeat(8)}What is the capital of France?`,
      },
    ];
    const first = await chat({ messages: conversation, cache_prompt: false });
    const turn = { role: 'assistant', content: first.choices[0]?.message.content };
    const longer = [
      ...conversation,
      turn,
      { role: 'user', content: 'And of Italy? Tell me its name and its river.' },
    ];
    const warm = await chat({ messages: longer });
    const cold = await chat({ messages: longer, cache_prompt: false });
    const exact = await chat({ messages: longer, cache_prompt: 'exact' });

    expect(first.usage.prompt_tokens_details.cached_tokens).toBe(0);
    // The last token of the answer was chosen, and never evaluated.
    expect(warm.timings.cache_n).toBe(first.usage.total_tokens - 1);
    expect(warm.timings).toMatchObject({ prompt_n: warm.usage.prompt_tokens - warm.timings.cache_n });
    expect(warm.usage.prompt_tokens).toBe((await render(longer)).count);
    expect(cold.timings.cache_n).toBe(0);
    expect(exact.timings.cache_n).toBeGreaterThan(0);
    expect(exact.choices).toEqual(cold.choices);
  });

  it('may fill the context without max_tokens', async () => {
    const content = 'la '.repeat(150);
    const { usage, choices } = await chat({
      messages: [{ role: 'user', content }],
      max_tokens: undefined,
      ignore_eos: true,
    });

    expect(usage.total_tokens).toBe(contextSize);
    expect(usage.completion_tokens).toBe(contextSize - (await render([{ role: 'user', content }])).count);
    expect(choices[0]?.finish_reason).toBe('length');
  });

  it.each([{ max_tokens: undefined }, { max_tokens: 5 }, { n_predict: 5 }])(
    'keeps to max_completion_tokens beside %j',
    async (fields) => {
      const { usage } = await chat({ ...fields, max_completion_tokens: 3 });

      expect(usage.completion_tokens).toBe(3);
    },
  );

  it('that does not fit the context is rejected with all token counts, streamed too', async () => {
    const many = Array(20).fill(messages).flat();
    const { count } = await render(many);

    for (const stream of [false, true]) {
      expect(await refuse({ messages: many, stream })).toMatchObject({
        code: 'context_length_exceeded',
        param: 'messages',
        message: new RegExp(`${count} for the prompt .*The context has ${contextSize}`),
      });
    }
  });
});

describe('a stream', () => {
  it('starts with the role, ends with the finish reason, and has the same text', async () => {
    const whole = await chat();

    expect(await chatStreamed()).toMatchObject({
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: whole.choices[0]?.message.content },
          finish_reason: 'length',
          logprobs: null,
        },
      ],
      usage: { total_tokens: whole.usage.total_tokens, completion_tokens: 6 },
    });
  });

  it('has its usage in a final chunk without choices with include_usage', async () => {
    const withUsage = await chunksOf({ stream_options: { include_usage: true } });
    const withoutUsage = await chunksOf();

    expect(withUsage.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 6 } });
    expect(withUsage.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(withoutUsage.some((chunk) => 'usage' in chunk)).toBe(false);
  });

  it('has timings in each chunk except the first with timings_per_token', async () => {
    const chunks = await chunksOf({ timings_per_token: true });

    expect(chunks.map(({ timings }) => timings?.predicted_n)).toEqual([undefined, 1, 2, 3, 4, 5, 6, 6]);
    expect(chunks.at(-1)?.timings?.predicted_per_second).toBeGreaterThan(0);
    expect((await chunksOf()).slice(0, -1).some(({ timings }) => timings !== undefined)).toBe(false);
  });

  it('of two choices has the index of the choice in each chunk', async () => {
    const fields = { n: 2, temperature: 1, seed: 4 };
    const whole = await chat(fields);
    const streamed = await chatStreamed(fields);

    expect(streamed.choices.map(({ message }) => message.content)).toEqual(
      whole.choices.map(({ message }) => message.content),
    );
    expect(streamed.usage).toMatchObject({ completion_tokens: whole.usage.completion_tokens });
  });
});

describe('choices', () => {
  it('have consecutive seeds', async () => {
    const fields = { temperature: 1.5, max_tokens: 5 };
    const { choices, usage } = await chat({ ...fields, n: 3, seed: 20 });
    const alone = [];
    for (const seed of [20, 21, 22]) alone.push(await contentOf({ ...fields, seed }));

    expect(choices.map(({ message }) => message.content)).toEqual(alone);
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(alone).size).toBeGreaterThan(1);
    expect(usage.prompt_tokens).toBe((await render(messages)).count);
  });

  it.each([0, 129, 1.5])('are rejected when n is %d', async (n) => {
    expect(await refuse({ n })).toMatchObject({ param: 'n' });
  });
});

describe('log-probabilities', () => {
  it.each([{}, { logprobs: false }, { logprobs: null }])('are absent by default: %j', async (fields) => {
    expect((await chat(fields)).choices[0]?.logprobs).toBeNull();
  });

  it.each([undefined, 0, 5, 20])('include %s of the likeliest tokens', async (top_logprobs) => {
    const [choice] = (await chat({ logprobs: true, top_logprobs })).choices;
    const entries = choice?.logprobs?.content ?? [];

    expect(entries.map(({ token }) => token).join('')).toBe(choice?.message.content);
    for (const { token, logprob, bytes, top_logprobs: top } of entries) {
      expect(logprob).toBeLessThanOrEqual(0);
      expect(Buffer.from(bytes).toString()).toBe(token);
      expect(top).toHaveLength(top_logprobs ?? 0);
      expect(top).toEqual(top.toSorted((one, other) => other.logprob - one.logprob));
      // Greedy sampling always chooses the likeliest token.
      if (top[0] !== undefined) expect(top[0]).toEqual({ token, logprob, bytes });
    }
  });

  it('are the same streamed, including held back text and the end of the turn', async () => {
    const fields = {
      logprobs: true,
      top_logprobs: 2,
      max_tokens: 40,
      grammar: 'root ::= "Paris 🗼 is it"',
      stop: ['is over'],
    };
    const whole = await chat(fields);
    const streamed = await chatStreamed(fields);

    expect(whole.choices[0]).toMatchObject({ message: { content: 'Paris 🗼 is it' }, finish_reason: 'stop' });
    expect(streamed.choices[0]?.logprobs).toEqual(whole.choices[0]?.logprobs);
    expect(streamed.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
    expect(whole.choices[0]?.logprobs?.content).toHaveLength(whole.usage.completion_tokens);
  });

  it('are rejected over the limit, and for top_logprobs without logprobs', async () => {
    expect(await refuse({ logprobs: true, top_logprobs: 21 })).toMatchObject({ param: 'top_logprobs' });
    expect(await refuse({ logprobs: true, top_logprobs: 30, stream: true })).toMatchObject({
      param: 'top_logprobs',
    });
    expect(await refuse({ top_logprobs: 2 })).toMatchObject({ param: 'top_logprobs' });
    expect(await refuse({ logprobs: 2 })).toMatchObject({ param: 'logprobs' });
  });
});

describe('a field of completions', () => {
  it('logit_bias forbids tokens', async () => {
    const words = (await contentOf({ max_tokens: 4 }))?.trim().split(/\W+/) ?? [];
    const { body } = await server.post<{ tokens: number[] }>('/tokenize', {
      content: words.flatMap((word) => [word, ` ${word}`]).join('\n'),
    });
    const content = await contentOf({
      max_tokens: 12,
      logit_bias: Object.fromEntries(body.tokens.map((token) => [token, -100])),
    });

    expect(words.length).toBeGreaterThan(1);
    expect(words.filter((word) => content?.split(/\W+/).includes(word))).toEqual([]);
  });

  it('stop ends the text before the stop string, streamed too', async () => {
    const free = await contentOf({ max_tokens: 10 });
    const fields = { max_tokens: 10, stop: 'France' };

    expect(free).toContain('France');
    expect((await chat(fields)).choices[0]).toMatchObject({
      message: { content: free?.split('France')[0] },
      finish_reason: 'stop',
    });
    expect((await chatStreamed(fields)).choices[0]).toMatchObject({
      message: { content: free?.split('France')[0] },
      finish_reason: 'stop',
    });
  });

  it('return_tokens returns the tokens of the text', async () => {
    const { choices } = await chat({ return_tokens: true });
    const { body } = await server.post<{ content: string }>('/detokenize', {
      tokens: choices[0]?.tokens ?? [],
    });

    expect(choices[0]?.tokens).toHaveLength(6);
    expect(body.content).toBe(choices[0]?.message.content);
  });
});

describe('an invalid chat', () => {
  const user = { role: 'user', content: 'Hi' };

  it.each([
    [null, 'messages'],
    ['Hi', 'messages'],
    [[], 'messages'],
    [[123], 'messages.0'],
    [[{}], 'messages.0.role'],
    [[{ content: 'Hi' }], 'messages.0.role'],
    [[{ role: 123 }], 'messages.0.role'],
    [[{ role: 'pirate', content: 'Hi' }], 'messages.0.role'],
    [[{ role: 'user' }], 'messages.0.content'],
    [[{ role: 'system', content: 123 }], 'messages.0.content'],
    [[{ role: 'user', content: [{ type: 'text' }] }], 'messages.0.content.0.text'],
    [[user, {}], 'messages.1.role'],
    [
      [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }],
      'messages.0.content',
    ],
  ])('is rejected with the path of the invalid field: %j', async (invalid, param) => {
    expect(await refuse({ messages: invalid })).toMatchObject({ param });
  });

  it.each([
    [{ modalities: ['audio'] }, 'modalities.0'],
    [{ store: 'yes' }, 'store'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ temperature: -0.1 }, 'temperature'],
    [{ top_p: -0.1 }, 'top_p'],
    [{ presence_penalty: 3 }, 'presence_penalty'],
  ])('is rejected with the name of the field: %j', async (fields, param) => {
    expect(await refuse(fields)).toMatchObject({ param });
  });

  it('is not one with fields that change nothing', async () => {
    const neutral = {
      user: 'ada',
      store: false,
      metadata: { purpose: 'test' },
      service_tier: 'auto',
      modalities: ['text'],
      reasoning_effort: 'none',
      response_format: { type: 'text' },
      tools: [],
      stop: null,
      stream_options: null,
    };

    expect(await contentOf(neutral)).toBe(await contentOf());
  });
});
