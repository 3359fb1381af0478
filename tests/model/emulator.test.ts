// The bundle under the real Runtime Interface Emulator and the real aws-lambda-ric, on a real port.
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Completion } from '../../src/api/completions/completion.ts';
import { eventNames, readEvent } from '../events.ts';
import { badBodies } from './bad-bodies.ts';
import { model } from './default-model.ts';
import { type FrontProcess, startFrontProcess } from './front-process.ts';

let front: FrontProcess;

beforeAll(async () => {
  front = await startFrontProcess();
});

afterAll(async () => {
  await front.end('SIGTERM');
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function invoke(event: unknown): Promise<Answer> {
  return post(Buffer.from(JSON.stringify(event)));
}

async function post(body: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(front.url, { method: 'POST', body: Buffer.from(body), headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** The local addresses on which a process listens, as /proc/net/tcp has them: `0100007F:1F90`. */
function listListeners(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  const sockets = new Set(readdirSync(folder).map((name) => readlinkSync(join(folder, name))));
  const listening = '0A';
  return ['tcp', 'tcp6']
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === listening && sockets.has(`socket:[${inode}]`))
    .map(([, address = '']) => address);
}

describe('the emulator', () => {
  it('listens on two ports, which no other machine reaches', () => {
    const loopback = expect.stringMatching(/^0100007F:/);
    const [pid = 0] = front.emulatorPids();

    expect(listListeners(pid)).toEqual([loopback, loopback]);
  });
});

describe('the invoke URL', () => {
  it('answers a direct invoke with the completion object', async () => {
    const { status, body } = await invoke(readEvent('completion'));

    expect(status).toBe(200);
    expect(body).toMatchObject({
      object: 'text_completion',
      model: model.name,
      choices: [
        { text: expect.stringMatching(/^ Paris/), index: 0, finish_reason: 'length', logprobs: null },
      ],
      usage: { prompt_tokens: 5, completion_tokens: 8, total_tokens: 13 },
      timings: { predicted_n: 8 },
    });
  });

  it.each(eventNames('.').filter((name) => /^(alb|api-gateway|function-url)/.test(name)))(
    'answers the event %s with 200 and a body',
    async (name) => {
      const { body } = await invoke(readEvent(name));

      expect(body.statusCode).toBe(200);
      expect(JSON.parse(String(body.body))).toMatchObject(
        name.endsWith('health') ? { status: 'ok', cold_start: false } : { object: expect.any(String) },
      );
    },
  );

  it('answers a warm-up ping at once', async () => {
    expect((await invoke(readEvent('warmup'))).body).toBe('warmup');
  });

  it('reuses the KV cache from one invocation to the next', async () => {
    const prompt = 'A fixed beginning that two prompts have in common, long enough to count. '.repeat(4);
    await invoke({ prompt, max_tokens: 1 });
    const { body } = await invoke({ prompt: `${prompt} and`, max_tokens: 1 });

    expect((body as unknown as Completion).timings.cache_n).toBeGreaterThanOrEqual(32);
  });

  it.each(eventNames('invalid'))(
    'answers %s with an error of the function, not of the server',
    async (name) => {
      const { status, body } = await invoke(readEvent(name));

      expect(status).toBe(200);
      if (name.includes('http-'))
        expect(Number(body.statusCode)).toSatisfy((code) => code >= 400 && code < 500);
      else
        expect(body).toMatchObject({
          errorType: expect.stringMatching(/^[a-z_]+$/),
          errorMessage: expect.any(String),
        });
    },
  );

  it('gives 20 right answers to 20 invokes at once', async () => {
    const prompts = Array.from({ length: 20 }, (_, index) => `${index} plus one is`);
    const ask = async (prompt: string) => {
      const { body } = await invoke({ prompt, max_tokens: 4, temperature: 0 });
      return (body as unknown as Completion).choices[0]?.text;
    };
    const alone = [];
    for (const prompt of prompts) alone.push(await ask(prompt));
    const together = await Promise.all(prompts.map(ask));

    expect(together).toEqual(alone);
    expect(new Set(together).size).toBeGreaterThan(1);
  });
});

describe('bad bodies', () => {
  it('never make a server error, and never end the runtime', async () => {
    const before = front.runtimePids();
    const outcomes = [];
    for (const { name, body, judgedBy } of badBodies) {
      const answer = await post(body);
      const { object, errorType } = answer.body;
      const isRight =
        judgedBy === 'front'
          ? answer.status === 400 && 'error' in answer.body
          : answer.status === 200 &&
            (object === 'text_completion' || /^(?!server_error)[a-z_]+$/.test(String(errorType)));
      if (!isRight) outcomes.push({ name, ...answer });
    }

    expect(outcomes).toEqual([]);
    expect(badBodies.length).toBeGreaterThanOrEqual(200);
    expect(before).toHaveLength(1);
    expect(front.runtimePids()).toEqual(before);
    expect((await invoke(readEvent('completion'))).body).toMatchObject({ object: 'text_completion' });
  });
});

describe('headers that the emulator would pass on unread', () => {
  it('never end the runtime', async () => {
    const before = front.runtimePids();
    const event = Buffer.from(JSON.stringify(readEvent('warmup')));
    const statusOf = async (headers: Record<string, string>) => (await post(event, headers)).status;
    const context = Buffer.from('{"client":{"appTitle":"Grüße 🙂\\n"}}').toString('base64');

    expect(await statusOf({ 'x-amz-client-context': 'ew==' })).toBe(400);
    expect(await statusOf({ 'x-amz-client-context': '%' })).toBe(400);
    expect(await statusOf({ 'x-amz-client-context': context })).toBe(200);
    expect(await statusOf({ 'x-amz-cognito-identity': 'ew==' })).toBe(200);
    expect(await statusOf({ 'x-amzn-requestid': 'a/b' })).toBe(200);
    expect(await statusOf({ 'x-amzn-trace-id': 'é;=;Root' })).toBe(200);
    expect(front.runtimePids()).toEqual(before);
  });
});

describe('an emulator that dies', () => {
  it('is started again, and no request that waits is lost', async () => {
    const [emulator] = front.emulatorPids();
    const slow = invoke({ prompt: 'Once upon a time', max_tokens: 1500, temperature: 0, ignore_eos: true });
    const metrics = async () => (await fetch(new URL('/metrics', front.url))).text();
    await expect.poll(metrics).toContain('gguf_lambda_generations_running 1');
    // The slow one runs, so these wait.
    const waiting = Array.from({ length: 5 }, (_, index) =>
      invoke({ prompt: `${index} plus one is`, max_tokens: 4, temperature: 0 }),
    );
    await metrics();
    process.kill(emulator ?? 0, 'SIGKILL');

    expect((await slow).status).toSatisfy((status) => status === 502 || status === 200);
    for (const { status, body } of await Promise.all(waiting)) {
      expect({ status, object: body.object }).toEqual({ status: 200, object: 'text_completion' });
    }
    expect(front.emulatorPids()).not.toContain(emulator);
  });
});

describe('starting and stopping', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s ends it with no process left behind', async (signal) => {
    const own = await startFrontProcess();
    const { code, survivors } = await own.end(signal);

    expect({ code, survivors }).toEqual({ code: 0, survivors: [] });
  });

  it('a model that cannot be loaded is one clear line and exit code 1, not a hang', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gguf-lambda-'));
    writeFileSync(join(folder, 'model.json'), JSON.stringify({ ...model, file: 'broken.gguf' }));
    writeFileSync(join(folder, 'broken.gguf'), 'GGUF but not really');

    await expect(startFrontProcess({ MODEL_DIR: folder })).rejects.toThrow(
      /exit code 1: [\s\S]*broken\.gguf/,
    );
    await expect(startFrontProcess({ MODEL_DIR: join(folder, 'nothing') })).rejects.toThrow(
      /exit code 1: [\s\S]*No model in/,
    );
    rmSync(folder, { recursive: true });
  });

  it('a malformed setting is refused by name', async () => {
    await expect(startFrontProcess({ CONTEXT_SIZE: 'big' })).rejects.toThrow(
      /exit code 1: [\s\S]*CONTEXT_SIZE="big"/,
    );
    await expect(startFrontProcess({ PORT: '80000' })).rejects.toThrow(/exit code 1: [\s\S]*PORT="80000"/);
  });
});
