import { once } from 'node:events';
import { PassThrough, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Context } from 'aws-lambda';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { GenerationEvent, GenerationRequest } from '../../../src/engine/engine.ts';
import { EngineBusyError } from '../../../src/engine/engine.ts';
import type { Service } from '../../../src/http/service.ts';
import { readEvent } from '../../events.ts';
import { templates } from '../chat/templates.ts';
import { BrokenEngine, FakeEngine } from '../fake-engine.ts';
import { fakeContext } from './fake-context.ts';
import { LongEmbedder, longRequest } from './long-embedder.ts';

const context = fakeContext();

interface Prelude {
  statusCode: number;
  headers: Record<string, string>;
}

/**
 * The status and headers of the last response. Lambda's runtime has the global; it must exist before the
 * import.
 */
let prelude: Prelude | undefined;
Object.assign(globalThis, {
  awslambda: {
    streamifyResponse: (handler: unknown) => handler,
    HttpResponseStream: {
      from: (stream: Writable, given: Prelude) => {
        prelude = given;
        return stream;
      },
    },
  },
});
const { definePipeline } = await import('../../../src/lambda/stream-pipeline.ts');

type StreamingHandler = (event: unknown, stream: Writable, context: Context) => Promise<void>;

async function invoke(
  event: unknown,
  engine = new FakeEngine(),
  service: Partial<Service> = {},
): Promise<{ prelude: Prelude | undefined; body: string }> {
  prelude = undefined;
  const stream = new PassThrough();
  const handler = definePipeline({
    engine,
    model: 'fake-1b',
    ...service,
  }) as unknown as StreamingHandler;
  const [body] = await Promise.all([text(stream), handler(event, stream, context)]);
  return { prelude, body };
}

function post(body: object): object {
  return { ...(readEvent('function-url') as object), body: JSON.stringify(body) };
}

/** Parses server-sent events to their names and data. */
function parseEvents(body: string): { name: string | undefined; data: string }[] {
  return body
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => ({
      name: /^event: (.*)$/m.exec(event)?.[1],
      data: /^data: (.*)$/m.exec(event)?.[1] ?? '',
    }));
}

afterEach(() => vi.restoreAllMocks());

describe("a request without 'stream'", () => {
  it('is answered with JSON', async () => {
    const answer = await invoke(readEvent('function-url'));

    expect(answer.prelude).toEqual({
      statusCode: 200,
      headers: { 'content-type': 'application/json', 'x-request-id': 'a1b2' },
    });
    expect(JSON.parse(answer.body).choices[0].text).toBe(' Paris.');
  });

  it('is answered with 400 when it is invalid', async () => {
    const answer = await invoke(readEvent('invalid/http-broken-json'));

    expect(answer.prelude?.statusCode).toBe(400);
    expect(JSON.parse(answer.body).error.code).toBe('invalid_json');
  });
});

describe("a request of Ollama's clients", () => {
  const event = {
    ...post({ prompt: 'Hi', raw: true, options: { num_predict: 2 } }),
    rawPath: '/api/generate',
  };

  it('is answered with a line for each text, and a final line', async () => {
    const answer = await invoke(event);

    expect(answer.prelude).toMatchObject({
      statusCode: 200,
      headers: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' },
    });
    expect(
      answer.body
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { response: ' ', done: false },
      { response: 'P', done: false },
      { response: '', done: true, done_reason: 'length' },
    ]);
  });
});

describe("a request with 'stream'", () => {
  it('is answered with an event for each text, a final event and [DONE]', async () => {
    const engine = new FakeEngine();
    const answer = await invoke(post({ prompt: 'The capital of France is', stream: true }), engine);
    const events = parseEvents(answer.body);
    const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data));

    expect(answer.prelude).toEqual({
      statusCode: 200,
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-request-id': 'a1b2',
      },
    });
    expect(events.at(-1)).toEqual({ name: undefined, data: '[DONE]' });
    expect(chunks.map(({ choices }) => choices[0].text)).toEqual([...' Paris.', '']);
    expect(chunks.map(({ choices }) => choices[0].finish_reason)).toEqual([...Array(7).fill(null), 'stop']);
    expect(chunks.at(-1).timings).toMatchObject({ predicted_n: 7 });
    expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set(['cmpl-a1b2']));
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
    expect(engine.open).toBe(0);
  });

  it('for a chat is answered with events', async () => {
    const given = readEvent('function-url-chat') as { body: string };
    const body = { ...(JSON.parse(given.body) as { model: string }), stream: true };
    const engine = new FakeEngine(' Paris.', { contextSize: 2048 });
    const service = { model: body.model, chatTemplate: templates.chatMl };
    const answer = await invoke({ ...given, body: JSON.stringify(body) }, engine, service);
    const events = parseEvents(answer.body);
    const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data));

    expect(answer.prelude?.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(chunks.map(({ choices }) => choices[0].delta.content ?? '').join('')).toBe(' Paris.');
    expect(chunks.at(-1).choices[0].finish_reason).toBe('stop');
    expect(events.at(-1)).toEqual({ name: undefined, data: '[DONE]' });
    expect(engine.open).toBe(0);
  });

  it('ends with the usage when the request asks for it', async () => {
    const body = {
      prompt: 'The capital of France is',
      stream: true,
      stream_options: { include_usage: true },
    };
    const events = parseEvents((await invoke(post(body))).body);
    const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data));

    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 31 } });
  });

  it('is answered with 400 and JSON when it is invalid', async () => {
    const answer = await invoke(post({ prompt: 'Hi', stream: true, temperature: -1 }));

    expect(answer.prelude).toMatchObject({
      statusCode: 400,
      headers: { 'content-type': 'application/json' },
    });
  });

  it('is answered with 500 when it fails before the first token', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});

    expect((await invoke(post({ prompt: 'Hi', stream: true }), new BrokenEngine())).prelude?.statusCode).toBe(
      500,
    );
  });

  it('ends with an error event without internals when it fails later', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    class LateFailure extends FakeEngine {
      override async *generate(): AsyncGenerator<GenerationEvent, void, void> {
        yield { type: 'text', text: 'Par', tokens: [] };
        throw new Error('secret');
      }
    }

    const events = parseEvents((await invoke(post({ prompt: 'Hi', stream: true }), new LateFailure())).body);

    expect(events.map(({ name }) => name)).toEqual([undefined, 'error']);
    expect(JSON.parse(events.at(-1)?.data ?? '')).toMatchObject({ error: { code: 'server_error' } });
    expect(log).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'secret' }));
  });

  it('is rejected with 429 while the queue is full', async () => {
    class BusyEngine extends FakeEngine {
      // biome-ignore lint/correctness/useYield: it refuses before the first token
      override async *generate(): AsyncGenerator<GenerationEvent, void, void> {
        throw new EngineBusyError(64);
      }
    }

    for (const stream of [true, false]) {
      const answer = await invoke(post({ prompt: 'Hi', stream }), new BusyEngine());
      expect(answer.prelude).toMatchObject({ statusCode: 429, headers: { 'retry-after': '1' } });
      expect(JSON.parse(answer.body).error.code).toBe('server_busy');
    }
  });

  it.each(['while', 'before'])('ends its generation when the client disconnects %s reading', async (when) => {
    const ended = Promise.withResolvers<void>();
    class EndlessEngine extends FakeEngine {
      override async *generate(_: GenerationRequest): AsyncGenerator<GenerationEvent, void, void> {
        try {
          for (;;) yield { type: 'text', text: 'more', tokens: [] };
        } finally {
          ended.resolve();
        }
      }
    }
    const stream = new PassThrough();
    stream.on('error', () => {});
    const handler = definePipeline({
      engine: new EndlessEngine(),
      model: 'fake-1b',
    }) as unknown as StreamingHandler;
    if (when === 'before') stream.destroy();
    const answered = handler(post({ prompt: 'Hi', stream: true }), stream, context).catch(() => {});
    if (when === 'while') {
      await once(stream, 'data');
      stream.destroy();
    }

    await ended.promise;
    await answered;
    expect(stream.destroyed).toBe(true);
  });
});

describe('a direct invoke', () => {
  it.each([
    ['waits for what the engine keeps on Lambda', false, 'waiting'],
    ['waits for nothing that the engine keeps behind the front, where the process goes on', true, 'answered'],
  ])('%s', async (_, isBehindFront, state) => {
    const { promise: kept, resolve } = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const settled = () => {
      asked.resolve();
      return kept;
    };
    const engine = Object.assign(new FakeEngine(), { settled });
    const answered = invoke(readEvent('completion'), engine, { isBehindFront });
    const first = Promise.race([answered.then(() => 'answered'), asked.promise.then(() => 'waiting')]);

    expect(await first).toBe(state);
    resolve();
    await answered;
  });

  it('ends in time when what the engine keeps is not written', async () => {
    const engine = Object.assign(new FakeEngine(), { settled: () => new Promise<void>(() => {}) });
    const handler = definePipeline({ engine, model: 'fake-1b' }) as unknown as StreamingHandler;
    const stream = new PassThrough();
    await handler(readEvent('completion'), stream, fakeContext('a1b2', 400));

    expect(JSON.parse(await text(stream))).toMatchObject({ object: 'text_completion' });
  });

  it('is answered with the completion as JSON text', async () => {
    const answer = await invoke(readEvent('completion'));

    expect(answer.prelude).toBeUndefined();
    expect(JSON.parse(answer.body)).toMatchObject({ object: 'text_completion' });
  });

  it.each([
    ['fails behind the front, whose emulator does not stream', true],
    ['is answered on Lambda', false],
  ])('with an answer over 6 MB %s', async (_, isBehindFront) => {
    const service = { embedder: new LongEmbedder(), isBehindFront };
    const answered = invoke(longRequest, new FakeEngine(), service).then(
      ({ body }) => body.length > 6_300_000,
      (error: Error) => error.name,
    );

    expect(await answered).toBe(isBehindFront ? 'response_too_large' : true);
  });

  it('is rejected when it asks for a stream', async () => {
    await expect(invoke({ prompt: 'Hi', stream: true })).rejects.toMatchObject({
      name: 'unsupported_parameter',
    });
  });
});
