// Port 8000 by both of its ways in: one process holds the model, and each way survives the other's accidents.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Completion } from '../../src/api/completions/completion.ts';
import type { ErrorBody } from '../../src/errors/request-error.ts';
import { modelPath } from './default-model.ts';
import { type FrontProcess, startFrontProcess } from './front-process.ts';
import { readPieces, toEvents } from './streamed-answer.ts';

const long = { prompt: 'Once upon a time', max_tokens: 1500, temperature: 0, ignore_eos: true };
const short = { prompt: 'The capital of France is', max_tokens: 4, temperature: 0 };

let front: FrontProcess;
let origin: string;

beforeAll(async () => {
  front = await startFrontProcess({ SLOTS: '4' });
  origin = new URL(front.url).origin;
});

afterAll(async () => {
  await front.end('SIGTERM');
});

const headers = { 'content-type': 'application/json' };

const complete = (body: object, signal: AbortSignal | null = null, base = origin) =>
  fetch(`${base}/v1/completions`, { method: 'POST', headers, body: JSON.stringify(body), signal });

async function textOf(response: Response): Promise<string | undefined> {
  return ((await response.json()) as Completion).choices[0]?.text;
}

async function invoke(event: object): Promise<Completion> {
  return (
    await fetch(front.url, { method: 'POST', body: JSON.stringify(event) })
  ).json() as Promise<Completion>;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`gguf_lambda_${name} `))
      ?.split(' ')[1] ?? 0,
  );
}

/** A stream that has begun. */
async function startStream(fields: object = {}, signal: AbortSignal | null = null, base = origin) {
  const response = await complete({ ...long, ...fields, stream: true }, signal, base);
  if (response.body === null) throw new Error('The answer has no body.');
  const reader = response.body.getReader();
  const { value } = await reader.read();
  const rest = async () => {
    const pieces = [Buffer.from(value ?? [])];
    for (let piece = await reader.read(); !piece.done; piece = await reader.read())
      pieces.push(Buffer.from(piece.value));
    return toEvents([{ bytes: Buffer.concat(pieces), arrivedAfterMs: 0 }]);
  };
  return { rest };
}

/** The processes below the front that have mapped the model. */
function modelHolders(): number[] {
  const path = realpathSync(modelPath);
  return front.pids().filter((pid) => readFileSync(`/proc/${pid}/maps`, 'utf8').includes(path));
}

function runtimePid(): number {
  const [pid] = front.runtimePids();
  if (pid === undefined) throw new Error('There is no runtime.');
  return pid;
}

describe('the two ways in', () => {
  it('share one process with the model, its cache and its metrics', async () => {
    const prompt = 'A fixed beginning that two requests have in common, long enough to count. '.repeat(4);
    const before = await metric('completion_tokens_total');
    await invoke({ prompt, max_tokens: 2, ignore_eos: true });
    const answer = await complete({ prompt: `${prompt} and`, max_tokens: 3, ignore_eos: true });
    const { timings } = (await answer.json()) as Completion;

    expect(timings.cache_n).toBeGreaterThanOrEqual(32);
    expect(modelHolders()).toEqual(front.runtimePids());
    expect(await metric('completion_tokens_total')).toBe(before + 5);
  });

  it('give the same text', async () => {
    expect(await textOf(await complete(short))).toBe((await invoke(short)).choices[0]?.text);
  });

  it('answer beside each other: eight streams and as many invocations', async () => {
    const before = front.output().length;
    const alone = (await invoke(short)).choices[0]?.text;
    const streams = Array.from({ length: 8 }, async () => {
      const response = await complete({ ...short, max_tokens: 24, stream: true });
      if (response.body === null) throw new Error('The answer has no body.');
      return toEvents(await readPieces(response.body, performance.now())).at(-1)?.data;
    });
    const invocations = Array.from({ length: 8 }, () => invoke(short));

    expect(await Promise.all(streams)).toEqual(Array(8).fill('[DONE]'));
    for (const { choices } of await Promise.all(invocations)) expect(choices[0]?.text).toBe(alone);
    expect(front.output().slice(before)).not.toMatch(/error/i);
  });

  it('a client that leaves frees its slot', async () => {
    const leave = new AbortController();
    const { rest } = await startStream({}, leave.signal);
    expect(await metric('generations_running')).toBe(1);
    leave.abort();

    await expect(rest()).rejects.toThrow(/abort/);
    await expect.poll(() => metric('generations_running'), { interval: 20, timeout: 30_000 }).toBe(0);
  });

  it('a stream goes on between invocations', async () => {
    const { rest } = await startStream({ max_tokens: 200 });

    expect((await rest()).at(-1)?.data).toBe('[DONE]');
  });
});

describe('a runtime that is killed', () => {
  it('ends its streams and answers with clear errors, and comes back by itself', async () => {
    const pid = runtimePid();
    const { rest } = await startStream();
    const whole = complete(long);
    const invocation = fetch(front.url, { method: 'POST', body: JSON.stringify(long) });
    await expect.poll(() => metric('generations_running'), { timeout: 30_000 }).toBe(3);
    process.kill(pid, 'SIGKILL');

    const last = (await rest()).at(-1);
    expect(last?.name).toBe('error');
    expect(JSON.parse(last?.data ?? '')).toMatchObject({ error: { code: 'runtime_exited' } });
    const failed = await whole;
    expect(failed.status).toBe(502);
    expect(((await failed.json()) as ErrorBody).error.code).toBe('runtime_exited');
    expect((await invocation).status).toBe(502);
    // Nothing is asked of it, and it is loaded again.
    await expect
      .poll(() => front.runtimePids().filter((each) => each !== pid), { timeout: 30_000 })
      .toHaveLength(1);
    expect(await textOf(await complete(short))).toMatch(/^ Paris/);
    expect((await invoke(short)).choices[0]?.text).toMatch(/^ Paris/);
  });

  it('while it is idle is replaced at once, and requests that come meanwhile wait', async () => {
    const pid = runtimePid();
    process.kill(pid, 'SIGKILL');
    const answers = await Promise.all([complete(short), complete(short)]);

    for (const answer of answers) expect(await textOf(answer)).toMatch(/^ Paris/);
    expect((await invoke(short)).choices[0]?.text).toMatch(/^ Paris/);
    expect(modelHolders()).toEqual(front.runtimePids());
    expect(front.runtimePids()).not.toContain(pid);
  });

  it('ends with its front, when that is killed', async () => {
    const own = await startFrontProcess();
    const { rest } = await startStream({}, null, new URL(own.url).origin);
    const isBroken = expect(rest()).rejects.toThrow();
    const started = own.pids();
    const { survivors } = await own.end('SIGKILL');

    await isBroken;
    expect(started.length).toBeGreaterThanOrEqual(3);
    await expect
      .poll(() => survivors.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 30_000 })
      .toEqual([]);
  });
});

describe('an invocation that times out', () => {
  beforeAll(async () => {
    await front.end('SIGTERM');
    // It is also the time of the load that follows, which may take seconds on a busy machine.
    front = await startFrontProcess({ SLOTS: '4', FUNCTION_TIMEOUT: '12' });
    origin = new URL(front.url).origin;
  });

  it('takes a stream with it, and both ways answer again', async () => {
    // The function ends its answers in time by itself; a process that is stopped does not.
    const pid = runtimePid();
    const { rest } = await startStream();
    const timedOut = fetch(front.url, { method: 'POST', body: JSON.stringify(long) });
    await expect.poll(() => metric('generations_running'), { timeout: 30_000 }).toBe(2);
    process.kill(pid, 'SIGSTOP');

    expect(await (await timedOut).text()).toContain('Task timed out');
    expect((await rest()).at(-1)?.name).toBe('error');
    expect(await textOf(await complete(short))).toMatch(/^ Paris/);
    expect((await invoke(short)).choices[0]?.text).toMatch(/^ Paris/);
    expect(front.runtimePids()).not.toContain(pid);
  });
});

describe('the front of another function', () => {
  const batches = {
    AWS_REGION: 'eu-central-1',
    BATCH_BUCKET: 'none',
    BATCH_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/123456789012/none',
  };

  it.each(['stream', 'batch', 'batch-files'])(
    'has the same paths beside its invocations: %s',
    async (name) => {
      const own = await startFrontProcess(batches, name);
      onTestFinished(async () => void (await own.end('SIGTERM')));
      const { origin } = new URL(own.url);
      const answer = await fetch(`${origin}/v1/completions`, {
        method: 'POST',
        headers,
        body: JSON.stringify(short),
      });

      expect(await textOf(answer)).toMatch(/^ Paris/);
      expect(
        await (
          await fetch(own.url, { method: 'POST', body: '{"source":"serverless-plugin-warmup"}' })
        ).text(),
      ).toMatch(/warmup/);
    },
  );
});
