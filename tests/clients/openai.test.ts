// OpenAI's own client for Node, on port 8000: nothing is changed but its base URL.
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { model } from '../model/default-model.ts';
import { type FrontProcess, startFrontProcess } from '../model/front-process.ts';

const prompt = 'The capital of France is';

let front: FrontProcess;
let client: OpenAI;

beforeAll(async () => {
  front = await startFrontProcess({ SLOTS: '2', QUEUE_LIMIT: '1' });
  client = new OpenAI({ baseURL: `${new URL(front.url).origin}/v1`, apiKey: 'none', maxRetries: 0 });
});

afterAll(async () => {
  await front.end('SIGTERM');
});

const complete = (text: string, max_tokens = 8) =>
  client.completions.create({ model: model.name, prompt: text, max_tokens, temperature: 0 });

describe("OpenAI's client", () => {
  it('lists the model', async () => {
    const { data } = await client.models.list();

    expect(data.map(({ id }) => id)).toEqual([model.name]);
  });

  it('gets a completion', async () => {
    const { choices, usage } = await complete(prompt);

    expect(choices).toEqual([
      { text: expect.stringMatching(/^ Paris/), index: 0, finish_reason: 'length', logprobs: null },
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 8, total_tokens: 13 });
  });

  it('gets the same text as a stream, with its usage', async () => {
    const whole = await complete(prompt);
    const stream = await client.completions.create({
      model: model.name,
      prompt,
      max_tokens: 8,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);

    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(whole.choices[0]?.text);
    expect(chunks.filter(({ choices }) => choices[0]?.finish_reason === 'length')).toHaveLength(1);
    expect(chunks.at(-1)?.usage).toMatchObject({ total_tokens: 13 });
    expect(chunks.length).toBeGreaterThan(8);
  });

  it('gets its errors as its own classes', async () => {
    await expect(client.completions.create({ model: 'gpt-4', prompt })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    await expect(complete(prompt, 1_000_000)).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
      param: 'max_tokens',
    });
    await expect(client.completions.create({ model: model.name, prompt, n: 2 })).rejects.toMatchObject({
      status: 400,
      param: 'n',
    });
  });

  it('is answered beside another, and refused with 429 when too many wait', async () => {
    // Two run, one waits, and a fourth is one too many; the streams are read only afterwards.
    const stream = () =>
      client.completions.create({
        model: model.name,
        prompt: 'Once upon a time',
        max_tokens: 200,
        temperature: 0,
        stream: true,
      });
    const running = await Promise.all([stream(), stream()]);
    const waiting = complete(prompt);
    const refused = complete(prompt);

    const outcomes = await Promise.allSettled([waiting, refused]);
    const texts = await Promise.all(
      running.map(async (events) =>
        (await Array.fromAsync(events)).map(({ choices }) => choices[0]?.text).join(''),
      ),
    );

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { status: 429, code: 'server_busy' },
    });
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]?.length).toBeGreaterThan(100);
  });

  it('that leaves a stream frees its place for the next', async () => {
    for (let left = 0; left < 4; left++) {
      const leave = new AbortController();
      const stream = await client.completions.create(
        { model: model.name, prompt: 'Once upon a time', max_tokens: 2_000, temperature: 0, stream: true },
        { signal: leave.signal },
      );
      for await (const { choices } of stream) {
        expect(choices[0]?.finish_reason).toBeNull();
        break;
      }
      leave.abort();
    }

    // With two places and one in the queue, any that was not freed would be missed here.
    expect((await complete(prompt)).choices[0]?.text).toMatch(/^ Paris/);
    expect((await Promise.all([complete(prompt), complete('The capital of Italy is')])).length).toBe(2);
  });
});
