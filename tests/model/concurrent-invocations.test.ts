// Lambda Managed Instances send an environment several invocations at once: aws-lambda-ric runs the function in threads then,
// and hands each of them one invocation after the other without waiting for answers.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-nodejs-runtime.html
import { readFileSync, realpathSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Completion } from '../../src/api/completions/completion.ts';
import { readEvent } from '../events.ts';
import { modelPath } from './default-model.ts';
import { startXRayDaemon } from './fixtures/x-ray-daemon.ts';
import { type RuntimeProcess, startRuntimeProcess } from './runtime-process.ts';
import { toHttpAnswer } from './streamed-answer.ts';

const atOnce = 4;

const env = {
  AWS_LAMBDA_INITIALIZATION_TYPE: 'lambda-managed-instances',
  AWS_LAMBDA_MAX_CONCURRENCY: String(atOnce),
  POWERTOOLS_SERVICE_NAME: 'llm',
};

const prompts = ['The sun', 'The moon', 'The sea', 'The wind'];
const toBody = (prompt: string) => ({ prompt, echo: true, max_tokens: 48, temperature: 0, ignore_eos: true });

let runtime: RuntimeProcess;

beforeAll(async () => {
  runtime = await startRuntimeProcess('completion', env);
});

afterAll(() => runtime.end());

function post(request: object): object {
  return { ...(readEvent('function-url') as object), body: JSON.stringify(request) };
}

/** Asks for all at once, as soon as the runtime waits for events. */
async function askAll(of: RuntimeProcess, rest: object = {}) {
  await expect.poll(() => of.asking).toBe(1);
  return Promise.all(
    prompts.map((prompt, index) => of.invoke(post({ ...toBody(prompt), ...rest }), toTraceHeader(index))),
  );
}

const toTraceId = (index: number) => `1-5759e988-bd862e3fe1be46a99427279${index}`;

function toTraceHeader(index: number) {
  return { 'lambda-runtime-trace-id': `Root=${toTraceId(index)};Parent=53995c3f42cd8ad${index};Sampled=1` };
}

async function readLog(of: RuntimeProcess, count: number) {
  const toLines = () => of.output.split('\n').filter((line) => line.startsWith('{"level"'));
  await expect.poll(() => toLines()).toHaveLength(count);
  return toLines().map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('several invocations at once', () => {
  it('run together, and each is answered with its own request id and text', async () => {
    const startedAt = performance.now();
    const answers = await askAll(runtime);
    const togetherMs = performance.now() - startedAt;
    const log = await readLog(runtime, atOnce);
    console.log(`${atOnce} at once, the model's load included: ${togetherMs.toFixed(0)} ms`);

    for (const [index, { path, body }] of answers.entries()) {
      const answer = JSON.parse(body) as { headers: Record<string, string>; body: string };
      const { choices } = JSON.parse(answer.body) as Completion;
      expect(path).toBe(`/2018-06-01/runtime/invocation/${answer.headers['x-request-id']}/response`);
      expect(choices[0]?.text.startsWith(prompts[index] ?? 'none')).toBe(true);
    }
    expect(log.map((line) => line.function_request_id).sort()).toEqual(
      answers.map(({ path }) => path.split('/').at(-2)).sort(),
    );
    // Each had a slot of its own, and had begun before the first was done.
    for (const line of log) {
      expect(line).toMatchObject({ status: 200, completion_tokens: 48, cold_start: false });
      expect(line.wait_ms).toBeLessThan(Number(line.duration_ms) / 4);
    }
    const ends = log.map(({ timestamp }) => Date.parse(String(timestamp)));
    const starts = log.map(({ duration_ms: ms }, index) => (ends[index] ?? 0) - Number(ms));
    expect(Math.max(...starts)).toBeLessThan(Math.min(...ends));
  });

  it('have one model between them', () => {
    const maps = readFileSync(`/proc/${runtime.pid}/maps`, 'utf8').split('\n');

    expect(maps.filter((line) => line.endsWith(realpathSync(modelPath)))).toHaveLength(1);
  });
});

describe('several streams at once', () => {
  it('are whole, each with its own request id and trace', async () => {
    const { address, segments } = await startXRayDaemon();
    const traces = { POWERTOOLS_TRACE_ENABLED: 'true', AWS_EXECUTION_ENV: 'AWS_Lambda_Image' };
    const streaming = await startRuntimeProcess('stream', {
      ...env,
      ...traces,
      AWS_XRAY_DAEMON_ADDRESS: address,
    });
    onTestFinished(() => streaming.end());
    const answers = await askAll(streaming, { stream: true });
    for (const { path, pieces } of answers) {
      const { headers, pieces: rest } = toHttpAnswer(pieces);
      const text = Buffer.concat(rest.map(({ bytes }) => bytes)).toString();
      expect(path).toBe(`/2018-06-01/runtime/invocation/${headers['x-request-id']}/response`);
      expect(text.split('\n\n').at(-2)).toBe('data: [DONE]');
    }
    const log = await readLog(streaming, atOnce);

    expect(log).toMatchObject(prompts.map(() => ({ completion_tokens: 48 })));
    expect(log.map((line) => line.xray_trace_id).sort()).toEqual(prompts.map((_, index) => toTraceId(index)));
    await expect.poll(() => segments).toHaveLength(atOnce);
    expect(segments.map(({ trace_id: id, parent_id: parent }) => `${id} ${parent}`).sort()).toEqual(
      prompts.map((_, index) => `${toTraceId(index)} 53995c3f42cd8ad${index}`),
    );
  });
});
