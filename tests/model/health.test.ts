// GET /health on port 8000 while the runtime cannot answer.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FrontProcess, startFrontProcess } from './front-process.ts';

let front: FrontProcess;
let url: string;

beforeAll(async () => {
  front = await startFrontProcess();
  url = `${new URL(front.url).origin}/health`;
});

afterAll(() => front.end('SIGTERM'));

const readHealth = async () => {
  const response = await fetch(url);
  return { status: response.status, body: (await response.json()) as object };
};

it('is answered while the runtime is stopped, and by the runtime when it goes on', async () => {
  const [runtime] = front.runtimePids();
  if (runtime === undefined) throw new Error('There is no runtime.');
  process.kill(runtime, 'SIGSTOP');
  try {
    // Both at once, and one after the other: none waits for an earlier one.
    const busy = { status: 200, body: { status: 'ok', model_loaded: true, busy: true } };
    expect(await Promise.all([readHealth(), readHealth()])).toEqual([busy, busy]);
    expect(await readHealth()).toEqual(busy);
  } finally {
    process.kill(runtime, 'SIGCONT');
  }
  await expect.poll(readHealth, { timeout: 30_000 }).toMatchObject({
    status: 200,
    body: expect.not.objectContaining({ busy: true }),
  });
  expect(front.runtimePids()).toEqual([runtime]);
});

it('is answered beside a large event, which the front refuses without parsing it', async () => {
  const event = `[${'[],'.repeat(1_500_000)}`;
  const invoking = fetch(front.url, { method: 'POST', body: event });
  expect((await readHealth()).status).toBe(200);
  const response = await invoking;
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('at most 65536 fields, lists and objects');
});
