import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GenerationEvent } from '../../../src/engine/engine.ts';
import { readEvent } from '../../events.ts';
import { BrokenEngine, FakeEngine } from '../fake-engine.ts';
import { loadTelemetry, post, startCompletion, startStream } from './pipelines.ts';
import { catchPrinted, type Printed } from './printed.ts';

let printed: Printed;
beforeEach(() => {
  printed = catchPrinted();
});
afterEach(() => vi.restoreAllMocks());

/** Names and values of the metrics in a line. */
function toValues(line: Printed['metrics'][number] | undefined): Record<string, unknown> {
  const { _aws, service, function_name, ...values } = line ?? {};
  return values;
}

/** Fails after its first text. */
class LateFailure extends FakeEngine {
  override async *generate(): AsyncGenerator<GenerationEvent, void, void> {
    yield { type: 'text', text: 'Par', tokens: [] };
    throw new Error('It burns.');
  }
}

class EndlessEngine extends FakeEngine {
  override async *generate(): AsyncGenerator<GenerationEvent, void, void> {
    for (;;) yield { type: 'text', text: 'more', tokens: [] };
  }
}

describe("Powertools' log line of a request", () => {
  it.each([
    ['direct', { prompt: 'The capital of France is' }],
    ['/v1/completions', post({ prompt: 'The capital of France is' })],
  ])('has the path, the status and the cost: %s', async (path, event) => {
    await startCompletion(await loadTelemetry())(event);

    expect(printed.log).toEqual([
      {
        level: 'INFO',
        message: 'Answered.',
        timestamp: expect.any(String),
        service: 'llm',
        sampling_rate: 0,
        cold_start: true,
        function_arn: 'arn:aws:lambda:eu-central-1:123456789012:function:completion',
        function_memory_size: 1769,
        function_name: 'completion',
        function_request_id: 'a1b2',
        path,
        status: 200,
        duration_ms: expect.any(Number),
        generations: 1,
        prompt_tokens: 21,
        cached_tokens: 3,
        completion_tokens: 7,
        wait_ms: 10,
        first_token_ms: 20,
        tokens_per_second: 200,
        finish_reasons: { stop: 1 },
      },
    ]);
    expect(printed.console).toEqual([]);
  });

  it('sums up the generations of a request', async () => {
    const engine = new FakeEngine([' Paris.', ' Rome'], { slots: 2 });
    await startCompletion(await loadTelemetry(), engine)({ prompt: 'Hi', n: 2, max_tokens: 5 });

    expect(printed.log).toMatchObject([
      { generations: 2, completion_tokens: 10, first_token_ms: 20, finish_reasons: { length: 2 } },
    ]);
  });

  it.each([
    ['/v1/models', 200, readEvent('function-url-models')],
    ['unknown', 404, readEvent('invalid/http-unknown-path')],
    ['/v1/completions', 400, post({ prompt: 'Hi', temperature: -1 })],
  ])('has only the path and the status when nothing was generated: %s, %i', async (...given) => {
    const [path, status, event] = given;
    await startCompletion(await loadTelemetry())(event);

    expect(printed.log).toMatchObject([{ level: 'INFO', path, status }]);
    expect(printed.log[0]).not.toHaveProperty('generations');
  });

  it('has the HTTP status of a rejected direct invoke', async () => {
    await expect(startCompletion(await loadTelemetry())({ prompt: 'Hi', temperature: -1 })).rejects.toThrow();

    expect(printed.log).toMatchObject([{ level: 'INFO', path: 'direct', status: 400 }]);
  });
});

describe("Powertools' log of an unexpected failure", () => {
  it.each([
    ['a direct invoke', { prompt: 'Hi' }, 'direct'],
    ['an HTTP request', post({ prompt: 'Hi' }), '/v1/completions'],
  ])('has its stack and the request id of %s', async (_, event, path) => {
    const ask = startCompletion(await loadTelemetry(), new BrokenEngine());
    await ask(event, 'c3d4').catch(() => {});

    expect(printed.log).toMatchObject([
      {
        level: 'ERROR',
        function_request_id: 'c3d4',
        error: { name: 'Error', message: 'secret: /var/task is on fire', stack: expect.any(String) },
      },
      { level: 'INFO', function_request_id: 'c3d4', path, status: 500 },
    ]);
    expect(toValues(printed.metrics[0])).toMatchObject({ Requests: 1, ClientErrors: 0, ServerErrors: 1 });
  });
});

describe("Powertools' metrics", () => {
  it('are printed by service and function when the invocation ends', async () => {
    await startCompletion(await loadTelemetry({ modelLoadMs: 120 }))({ prompt: 'The capital of France is' });

    expect(printed.metrics).toMatchObject([
      {
        service: 'llm',
        function_name: 'completion',
        _aws: { CloudWatchMetrics: [{ Namespace: 'tests', Dimensions: [['service', 'function_name']] }] },
      },
    ]);
    expect(toValues(printed.metrics[0])).toEqual({
      ColdStart: 1,
      ModelLoad: 120,
      Requests: 1,
      ClientErrors: 0,
      ServerErrors: 0,
      PromptTokens: 21,
      CachedTokens: 3,
      CacheHits: 1,
      CompletionTokens: 7,
      QueueWait: 10,
      TimeToFirstToken: 20,
      TokensPerSecond: 200,
    });
  });

  it('have a value for each generation', async () => {
    const engine = new FakeEngine([' Paris.', ' Rome'], { slots: 2 });
    await startCompletion(await loadTelemetry(), engine)({ prompt: 'Hi', n: 2 });

    expect(toValues(printed.metrics[0])).toMatchObject({
      Requests: 1,
      CompletionTokens: [5, 7],
      QueueWait: [10, 10],
    });
  });

  it('have units', async () => {
    await startCompletion(await loadTelemetry({ modelLoadMs: 120 }))({ prompt: 'Hi' });
    const { _aws } = printed.metrics[0] as {
      _aws: { CloudWatchMetrics: [{ Metrics: { Name: string; Unit: string }[] }] };
    };
    const units = Object.fromEntries(_aws.CloudWatchMetrics[0].Metrics.map(({ Name, Unit }) => [Name, Unit]));

    expect(units).toMatchObject({
      ModelLoad: 'Milliseconds',
      QueueWait: 'Milliseconds',
      TimeToFirstToken: 'Milliseconds',
      TokensPerSecond: 'Count/Second',
      PromptTokens: 'Count',
    });
  });

  it('count a rejected request as a client error', async () => {
    await startCompletion(await loadTelemetry())(post({ prompt: 'Hi', temperature: -1 }));

    expect(toValues(printed.metrics[0])).toMatchObject({ Requests: 1, ClientErrors: 1, ServerErrors: 0 });
  });

  it('report the cold start and the load of the model once per environment', async () => {
    const ask = startCompletion(await loadTelemetry({ modelLoadMs: 120 }));
    for (let request = 0; request < 3; request++) await ask({ prompt: 'Hi' });

    expect(printed.metrics.map((line) => [line.ColdStart, line.ModelLoad])).toEqual([
      [1, 120],
      [undefined, undefined],
      [undefined, undefined],
    ]);
    expect(printed.log.map((line) => line.cold_start)).toEqual([true, false, false]);
  });

  it('report no cold start in an environment that was initialised ahead', async () => {
    await startCompletion(await loadTelemetry({ initializedAhead: true }))({ prompt: 'Hi' });

    expect(printed.metrics[0]).not.toHaveProperty('ColdStart');
    expect(printed.log).toMatchObject([{ cold_start: false }]);
  });

  it('report only the environment for a warm-up ping', async () => {
    const ask = startCompletion(await loadTelemetry({ modelLoadMs: 120 }));
    await ask(readEvent('warmup'));
    await ask(readEvent('warmup'));
    await ask({ prompt: 'Hi' });

    expect(printed.metrics.map(toValues)).toMatchObject([
      { ColdStart: 1, ModelLoad: 120 },
      { Requests: 1, CompletionTokens: 7 },
    ]);
    expect(toValues(printed.metrics[0])).not.toHaveProperty('Requests');
    expect(printed.metrics[1]).not.toHaveProperty('ColdStart');
    expect(printed.log).toMatchObject([{ path: 'direct', cold_start: false }]);
  });

  it('are not exposed for Prometheus', async () => {
    const ask = startCompletion(await loadTelemetry());
    const { statusCode } = (await ask({
      ...(readEvent('function-url-health') as object),
      rawPath: '/metrics',
    })) as { statusCode: number };

    expect(statusCode).toBe(404);
  });
});

describe("Powertools' report of a stream", () => {
  const streamed = post({ prompt: 'Hi', stream: true });

  it('is printed at the end of the stream', async () => {
    const endOfText = Promise.withResolvers<void>();
    const engine = new FakeEngine(' Paris.', {
      beforeEvent: (_, event) => (event === 7 ? endOfText.promise : undefined),
    });
    const { stream, done } = startStream(await loadTelemetry(), engine).open(streamed);
    await once(stream, 'data');
    expect(printed.text).toBe('');
    endOfText.resolve();
    stream.resume();
    await done;

    expect(printed.log).toMatchObject([{ path: '/v1/completions', status: 200, completion_tokens: 7 }]);
    expect(printed.log[0]).not.toHaveProperty('abandoned');
    expect(toValues(printed.metrics[0])).toMatchObject({ Requests: 1, ServerErrors: 0, CompletionTokens: 7 });
  });

  it('counts a stream that failed as a server error', async () => {
    await startStream(await loadTelemetry(), new LateFailure()).read(streamed, 'c3d4');

    expect(printed.log).toMatchObject([
      { level: 'ERROR', function_request_id: 'c3d4', error: { message: 'It burns.' } },
      { level: 'INFO', function_request_id: 'c3d4', status: 200, broken_streams: 1 },
    ]);
    expect(toValues(printed.metrics[0])).toMatchObject({ Requests: 1, ClientErrors: 0, ServerErrors: 1 });
  });

  it('is printed before the handler ends when the client disconnects', async () => {
    const { stream, done } = startStream(await loadTelemetry(), new EndlessEngine()).open(streamed);
    await once(stream, 'data');
    stream.destroy();
    await done.catch(() => {});

    expect(printed.log).toMatchObject([{ level: 'INFO', status: 200, abandoned: true }]);
    expect(toValues(printed.metrics[0])).toMatchObject({ Requests: 1, ServerErrors: 0 });
  });

  it('is printed when the client disconnected before the stream started', async () => {
    const { stream, done } = startStream(await loadTelemetry(), new EndlessEngine()).open(streamed);
    stream.destroy();
    await done.catch(() => {});

    expect(printed.log).toMatchObject([{ status: 200, abandoned: true }]);
    expect(printed.metrics).toHaveLength(1);
  });

  it('has the status of a stream that was rejected', async () => {
    await startStream(await loadTelemetry()).read(post({ prompt: 'Hi', stream: true, temperature: -1 }));

    expect(printed.log).toMatchObject([{ status: 400 }]);
  });
});

describe("Powertools' reports of simultaneous invocations", () => {
  it('are separate, and only one is a cold start', async () => {
    const gate = Promise.withResolvers<void>();
    const engine = new FakeEngine(['a', 'bc', 'def'], { slots: 3, beforeEvent: () => gate.promise });
    const ask = startCompletion(await loadTelemetry(), engine);
    const answers = ['one', 'two', 'three'].map((id) => ask(post({ prompt: id }), id));
    await expect.poll(() => engine.open).toBe(3);
    gate.resolve();
    await Promise.all(answers);

    expect(
      printed.log.map((line) => [line.function_request_id, line.completion_tokens, line.cold_start]).sort(),
    ).toEqual([
      ['one', 1, true],
      ['three', 3, false],
      ['two', 2, false],
    ]);
    expect(printed.metrics.map(({ CompletionTokens }) => CompletionTokens).sort()).toEqual([1, 2, 3]);
  });
});
