// What the functions tell by Powertools, as Lambda runs them: the image's entry and the real aws-lambda-ric.
import { describe, expect, it, onTestFinished } from 'vitest';
import { readEvent } from '../events.ts';
import { startXRayDaemon } from './fixtures/x-ray-daemon.ts';
import { type RuntimeProcess, startRuntimeProcess } from './runtime-process.ts';

const powertools = { POWERTOOLS_SERVICE_NAME: 'llm', POWERTOOLS_METRICS_NAMESPACE: 'tests' };

/** In every prompt; the model repeats it. */
const marker = 'quincemedlar';
const body = { prompt: `${`Say ${marker}. `.repeat(24)}Say`, max_tokens: 12, temperature: 0 };

const traceId = '1-5759e988-bd862e3fe1be46a994272793';
const traceHeader = { 'lambda-runtime-trace-id': `Root=${traceId};Parent=53995c3f42cd8ad8;Sampled=1` };

async function start(functionName: string, env: NodeJS.ProcessEnv): Promise<RuntimeProcess> {
  const runtime = await startRuntimeProcess(functionName, env);
  onTestFinished(() => runtime.end());
  return runtime;
}

function post(request: object): object {
  return { ...(readEvent('function-url') as object), body: JSON.stringify(request) };
}

/** Waits for so many lines of JSON: what is printed may come after what is answered. */
async function readLines(runtime: RuntimeProcess, count: number) {
  const toLines = () => runtime.output.split('\n').filter((line) => line.startsWith('{'));
  await expect.poll(() => toLines().length).toBeGreaterThanOrEqual(count);
  const lines = toLines().map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    metrics: lines.filter((line) => '_aws' in line),
    log: lines.filter((line) => 'level' in line),
  };
}

describe('with Powertools', () => {
  it('a completion has its line and its metrics, and no prompt in them', async () => {
    const runtime = await start('completion', powertools);
    const answer = await runtime.invoke(post(body), traceHeader);
    const { metrics, log } = await readLines(runtime, 2);

    expect(answer.body).toContain(marker);
    expect(metrics).toMatchObject([
      {
        service: 'llm',
        function_name: 'completion',
        ColdStart: 1,
        ModelLoad: expect.any(Number),
        Requests: 1,
        CompletionTokens: 12,
        CacheHits: 0,
        TimeToFirstToken: expect.any(Number),
        TokensPerSecond: expect.any(Number),
        QueueWait: expect.any(Number),
      },
    ]);
    expect(log).toMatchObject([
      {
        level: 'INFO',
        service: 'llm',
        function_name: 'completion',
        function_request_id: 'request-1',
        xray_trace_id: traceId,
        cold_start: true,
        path: '/v1/completions',
        status: 200,
        completion_tokens: 12,
        finish_reasons: { length: 1 },
      },
    ]);
    expect(runtime.output).not.toContain(marker);
  });

  it('a stream has them at its end, and the next is no cold start', async () => {
    const runtime = await start('stream', powertools);
    for (let request = 0; request < 2; request++) {
      const { body: streamed } = await runtime.invoke(post({ ...body, stream: true }));
      expect(streamed).toMatch(/data: \[DONE\]\n\n$/);
    }
    const { metrics, log } = await readLines(runtime, 4);

    expect(metrics).toMatchObject([
      { function_name: 'stream', ColdStart: 1, CompletionTokens: 12, CacheHits: 0 },
      { function_name: 'stream', CompletionTokens: 12, CacheHits: 1 },
    ]);
    expect(metrics[1]).not.toHaveProperty('ColdStart');
    expect(metrics[1]).not.toHaveProperty('ModelLoad');
    expect(log).toMatchObject([
      { function_request_id: 'request-1', path: '/v1/completions', status: 200, cold_start: true },
      { function_request_id: 'request-2', path: '/v1/completions', status: 200, cold_start: false },
    ]);
    expect(runtime.output).not.toContain(marker);
  });

  it('a refused direct invoke has its line, and nothing of what was asked', async () => {
    const runtime = await start('completion', powertools);
    const refused = await runtime.invoke({ ...body, temperature: -1 });
    const { log } = await readLines(runtime, 2);

    expect(JSON.parse(refused.body)).toMatchObject({ errorType: 'invalid_value' });
    expect(log).toMatchObject([{ level: 'INFO', path: 'direct', status: 400 }]);
    expect(runtime.output).not.toContain(marker);
  });
});

describe('LOG_PROMPTS', () => {
  it('logs prompts and texts, and says so once', async () => {
    const runtime = await start('stream', { ...powertools, LOG_PROMPTS: 'true' });
    await runtime.invoke(post({ ...body, stream: true }));
    const { log } = await readLines(runtime, 5);

    expect(log).toMatchObject([
      { level: 'WARN', message: expect.stringContaining('LOG_PROMPTS') },
      { level: 'INFO', body: expect.stringContaining(marker) },
      { level: 'INFO', texts: [expect.stringContaining(marker)] },
      { level: 'INFO', status: 200 },
    ]);
  });

  it('does so without Powertools too', async () => {
    const runtime = await start('completion', { LOG_PROMPTS: 'true' });
    await runtime.invoke(body);

    expect(runtime.output).toMatch(/WARN\t.*LOG_PROMPTS/);
    expect(runtime.output).toMatch(/request-1\tINFO\tRequest body\. \{"body":\{"prompt":.*quincemedlar/);
    expect(runtime.output).toMatch(/request-1\tINFO\tCompletions\. \{"texts":\[.*quincemedlar/);
    expect(runtime.output).not.toContain('_aws');
  });

  it('of another value is refused by name', async () => {
    const runtime = await start('completion', { LOG_PROMPTS: 'yes' });
    const { path, body: error } = await runtime.invoke(body);

    expect(path).toMatch(/init\/error$/);
    expect(JSON.parse(error)).toMatchObject({
      errorType: 'ConfigurationError',
      errorMessage: 'LOG_PROMPTS="yes" cannot be used: expected false or true.',
    });
  });
});

describe('without either', () => {
  it('nothing is printed', async () => {
    const runtime = await start('completion', {});
    await runtime.invoke(post(body));
    await runtime.invoke(body);

    expect(runtime.output).toBe('');
  });
});

describe('traces', () => {
  const traced = { ...powertools, POWERTOOLS_TRACE_ENABLED: 'true', AWS_EXECUTION_ENV: 'AWS_Lambda_Image' };

  it('have a subsegment for each invocation, with neither prompts nor texts', async () => {
    const { address, segments } = await startXRayDaemon();
    const runtime = await start('stream', { ...traced, AWS_XRAY_DAEMON_ADDRESS: address });
    await runtime.invoke(post({ ...body, stream: true }), traceHeader);
    await runtime.invoke({ ...body, temperature: -1 }, traceHeader);
    await expect.poll(() => segments).toHaveLength(2);

    expect(segments).toMatchObject([
      {
        name: '## stream.handler',
        type: 'subsegment',
        trace_id: traceId,
        parent_id: '53995c3f42cd8ad8',
        annotations: { ColdStart: true, Service: 'llm' },
      },
      { trace_id: traceId, annotations: { ColdStart: false }, error: true },
    ]);
    expect(JSON.stringify(segments)).not.toContain(marker);
    expect(runtime.output).not.toContain(marker);
  });

  it('need neither a daemon nor a trace to be in', async () => {
    // Nothing listens there.
    const runtime = await start('completion', { ...traced, AWS_XRAY_DAEMON_ADDRESS: '127.0.0.1:9' });
    await runtime.invoke(post(body), traceHeader);
    await runtime.invoke(post(body));
    const { log } = await readLines(runtime, 4);

    expect(log).toMatchObject([
      { level: 'INFO', status: 200 },
      { level: 'INFO', status: 200 },
    ]);
    expect(runtime.output.split('\n').filter((line) => line !== '' && !line.startsWith('{'))).toEqual([]);
  });
});
