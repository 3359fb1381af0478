// The function `stream` as Lambda runs it: the image's entry and the real aws-lambda-ric, whose streamed answers are
// read as they come.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Completion, CompletionChunk } from '../../src/api/completions/completion.ts';
import { readEvent } from '../events.ts';
import { type RuntimeProcess, startRuntimeProcess } from './runtime-process.ts';
import { toEvents, toHttpAnswer } from './streamed-answer.ts';

const story = { prompt: 'Once upon a time', max_tokens: 128, temperature: 0, seed: 7 };
// The model copies these, and each is several tokens.
const emoji = { ...story, prompt: `Repeat: ${'😀😁😂🤣😃😄😅\n'.repeat(3)}` };

let runtime: RuntimeProcess;

beforeAll(async () => {
  runtime = await startRuntimeProcess('stream');
});

afterAll(() => runtime.end());

async function post(body: object) {
  const { path, pieces, trailers } = await runtime.invoke({
    ...(readEvent('function-url') as object),
    body: JSON.stringify(body),
  });
  return { path, trailers, ...toHttpAnswer(pieces) };
}

async function stream(body: object) {
  const { pieces } = await post({ ...body, stream: true });
  const events = toEvents(pieces);
  const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data) as CompletionChunk);
  return { events, chunks, texts: chunks.map(({ choices }) => choices[0]?.text ?? '') };
}

async function textOf(body: object): Promise<string | undefined> {
  const { pieces } = await post(body);
  const whole = JSON.parse(Buffer.concat(pieces.map(({ bytes }) => bytes)).toString()) as Completion;
  return whole.choices[0]?.text;
}

describe('a streamed answer', () => {
  it('is the same to a REST API, whose integration streams', async () => {
    const event = {
      ...(readEvent('api-gateway-v1') as object),
      body: JSON.stringify({ ...story, stream: true }),
    };
    const { statusCode, headers, pieces } = toHttpAnswer((await runtime.invoke(event)).pieces);

    expect(statusCode).toBe(200);
    expect(headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(toEvents(pieces).at(-1)?.data).toBe('[DONE]');
  });

  it('has its status and headers in a prelude, and no error in its trailers', async () => {
    const { path, statusCode, headers, trailers } = await post({ ...story, stream: true });

    expect(statusCode).toBe(200);
    expect(headers).toEqual({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-request-id': expect.stringMatching(/^request-\d+$/),
    });
    expect(path).toBe(`/2018-06-01/runtime/invocation/${headers['x-request-id']}/response`);
    expect(trailers).toEqual({});
  });

  // A machine that stops for a moment at the first token may spoil one run; an answer that is held back, all.
  it('begins before a quarter of its time is over', { retry: 2 }, async () => {
    const { events } = await stream(story);
    const first = events.at(0)?.arrivedAfterMs ?? Number.NaN;
    const last = events.at(-1)?.arrivedAfterMs ?? Number.NaN;
    console.log(`First event after ${first.toFixed(0)} ms of ${last.toFixed(0)} ms`);

    expect(events.length).toBeGreaterThan(128);
    expect(first).toBeLessThan(last / 4);
  });

  it('has the text of the whole answer, and ends with its finish and [DONE]', async () => {
    const whole = await textOf(story);
    const { events, chunks, texts } = await stream(story);

    expect(texts.join('')).toBe(whole);
    expect(whole?.length).toBeGreaterThan(128);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length');
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
    expect(events.at(-1)?.data).toBe('[DONE]');
  });

  it('ends with the usage when that is asked for', async () => {
    const { chunks } = await stream({ ...story, stream_options: { include_usage: true } });

    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 4, completion_tokens: 128, total_tokens: 132 },
    });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });

  it('never divides a character that is several tokens', async () => {
    const whole = await textOf(emoji);
    const { texts } = await stream(emoji);

    expect(texts.join('')).toBe(whole);
    expect(whole).toMatch(/\p{Extended_Pictographic}{4}/u);
    expect(texts.filter((text) => text.includes('\uFFFD') || !text.isWellFormed())).toEqual([]);
    // Tokens that only began a character brought no text.
    expect(texts.filter((text) => text !== '').length).toBeLessThan(emoji.max_tokens / 2);
  });
});

describe('what is wrong', () => {
  it.each([
    ['a value', { ...story, temperature: -1 }, 400, 'invalid_value'],
    ['a length', { ...story, prompt: 'a '.repeat(100_000) }, 400, 'context_length_exceeded'],
  ])('with %s has a status in the prelude, and the error of the API', async (_, body, status, code) => {
    const { headers, pieces, statusCode } = await post({ ...body, stream: true });

    expect(statusCode).toBe(status);
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(Buffer.concat(pieces.map(({ bytes }) => bytes)).toString())).toMatchObject({
      error: { code, type: 'invalid_request_error', message: expect.any(String) },
    });
  });

  it('with a direct invoke is told in the trailers, and the runtime goes on', async () => {
    const { headers, body, trailers } = await runtime.invoke({ ...story, stream: true });

    expect(headers['lambda-runtime-function-response-mode']).toBe('streaming');
    expect(body).toBe('');
    expect(trailers['lambda-runtime-function-error-type']).toBe('unsupported_parameter');
    expect(JSON.parse(atob(trailers['lambda-runtime-function-error-body'] ?? '')).errorMessage).toMatch(
      /A direct invoke cannot stream/,
    );
    expect(await textOf({ prompt: 'The capital of France is', max_tokens: 1, temperature: 0 })).toBe(
      ' Paris',
    );
  });
});
