// Requests whose work would grow exponentially, on port 8000: each is answered, the server answers others meanwhile, and what it
// holds stays small.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bombs } from '../bombs.ts';
import { type FrontProcess, startFrontProcess } from './front-process.ts';

const mostGrowth = 400 * 1024 * 1024;

/** A server that answers nothing for so long hangs, also on a busy machine. */
const hangMs = 20_000;

let front: FrontProcess;
let origin: string;
let restingBytes: number;
let runtime: number | undefined;

beforeAll(async () => {
  front = await startFrontProcess({ FUNCTION_TIMEOUT: '60' });
  ({ origin } = new URL(front.url));
  expect((await post('/v1/completions', { prompt: 'The capital of France is', max_tokens: 1 })).status).toBe(
    200,
  );
  [runtime] = front.runtimePids();
  restingBytes = readMemory(/VmRSS:\s+(\d+)/);
});

afterAll(async () => {
  await front.end('SIGTERM');
});

function readMemory(field: RegExp): number {
  const [, kibibytes] = field.exec(readFileSync(`/proc/${runtime}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

function post(path: string, body: object): Promise<Response> {
  return fetch(`${origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

describe('a bomb', () => {
  it.each(bombs)('ends with $statuses: $name', async ({ path, body, statuses }) => {
    let isAnswered = false;
    const answering = post(path, body).finally(() => {
      isAnswered = true;
    });
    do {
      // The front answers /health by itself, and the runtime answers this.
      const meanwhile = await fetch(`${origin}/v1/models`, { signal: AbortSignal.timeout(hangMs) });
      expect(meanwhile.status).toBe(200);
      await meanwhile.arrayBuffer();
    } while (!isAnswered);
    const response = await answering;
    const answer = (await response.json()) as { error?: { message: string; type: string } };

    expect(statuses, JSON.stringify(answer)).toContain(response.status);
    if (response.status === 400) expect(answer.error?.type).toBe('invalid_request_error');
    expect(front.runtimePids()).toEqual([runtime]);
    expect(readMemory(/VmHWM:\s+(\d+)/)).toBeLessThan(restingBytes + mostGrowth);
  });
});
