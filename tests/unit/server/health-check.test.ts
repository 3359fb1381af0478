import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { HealthCheck } from '../../../src/server/health-check.ts';
import type { Runtime } from '../../../src/server/runtime-link.ts';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface TestRuntime extends Runtime {
  /** Resolves when a request has arrived: the check may have answered before. */
  readonly arrived: Promise<unknown>;
}

async function startRuntime(listener: RequestListener): Promise<TestRuntime> {
  const folder = mkdtempSync(join(tmpdir(), 'health-'));
  const socket = join(folder, 'runtime');
  const server = createServer(listener);
  await once(server.listen(socket), 'listening');
  const arrived = once(server, 'request');
  const agent = new Agent({ keepAlive: true });
  closers.push(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { pid: process.pid, description: [], socket, agent, ping: async () => {}, arrived };
}

const link = (runtime: Runtime | undefined) => ({
  runtime,
  next: () => (runtime === undefined ? new Promise<Runtime>(() => {}) : Promise.resolve(runtime)),
});

/** Enough for a runtime that answers, on a busy machine too. */
const patienceMs = 20_000;

const health = { url: '/health', headers: {} };
const bodyOf = ({ body }: { body: Uint8Array }) => JSON.parse(Buffer.from(body).toString()) as unknown;

describe('the health of port 8000', () => {
  it('is what the runtime answers', async () => {
    const runtime = await startRuntime((_, response) =>
      response.setHeader('x-own', 'yes').end('{"status":"ok"}'),
    );
    const answer = await new HealthCheck(link(runtime), () => 0, patienceMs).answer(health);

    expect(answer).toMatchObject({ status: 200, headers: { 'x-own': 'yes' } });
    expect(bodyOf(answer)).toEqual({ status: 'ok' });
  });

  it('is that of a busy server while the runtime does not answer', async () => {
    const runtime = await startRuntime(() => {});
    const answer = await new HealthCheck(link(runtime), () => 0).answer(health);

    expect(answer.status).toBe(200);
    expect(bodyOf(answer)).toEqual({ status: 'ok', model_loaded: true, busy: true });
  });

  it('is bad when the runtime has not answered for half a minute', async () => {
    const runtime = await startRuntime(() => {});
    let now = 0;
    const check = new HealthCheck(link(runtime), () => now);
    await check.answer(health);
    now = 31_000;
    const answer = await check.answer(health);

    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(bodyOf(answer)).toMatchObject({ status: 'unresponsive' });
  });

  it('is good again once the runtime has answered', async () => {
    const waiting: (() => void)[] = [];
    const runtime = await startRuntime((_, response) => waiting.push(() => response.end('{}')));
    let now = 0;
    const check = new HealthCheck(link(runtime), () => now);
    await Promise.all([check.answer(health), runtime.arrived]);
    const answered = once(runtime.agent, 'free');
    for (const answerLate of waiting.splice(0)) answerLate();
    await answered;
    await new Promise(setImmediate);
    now = 31_000;

    expect(await check.answer(health)).toMatchObject({ status: 200 });
  });

  it('asks a runtime that hangs once, and says that it waits', async () => {
    let asked = 0;
    const runtime = await startRuntime(() => {
      asked += 1;
    });
    const check = new HealthCheck(link(runtime), () => 0);
    expect(check.isWaiting).toBe(false);
    for (let count = 0; count < 3; count += 1) await check.answer(health);
    await runtime.arrived;

    expect(asked).toBe(1);
    expect(check.isWaiting).toBe(true);
  });

  it('asks again after a question that failed, and waits until one is answered', async () => {
    let asked = 0;
    const runtime = await startRuntime(({ socket }, response) => {
      asked += 1;
      if (asked === 1) socket.destroy();
      else response.end('{"status":"ok"}');
    });
    const check = new HealthCheck(link(runtime), () => 0, patienceMs);

    expect(bodyOf(await check.answer(health))).toMatchObject({ busy: true });
    expect(check.isWaiting).toBe(true);
    expect(bodyOf(await check.answer(health))).toEqual({ status: 'ok' });
    expect(check.isWaiting).toBe(false);
  });

  it('stays bad when a runtime that hangs takes no more connections', async () => {
    const runtime = await startRuntime(() => {});
    let now = 0;
    const check = new HealthCheck(link(runtime), () => now);
    await check.answer(health);
    closers.shift()?.();
    now = 31_000;

    for (let count = 0; count < 3; count += 1)
      expect(bodyOf(await check.answer(health))).toMatchObject({ status: 'unresponsive' });
  });

  it('begins anew with another runtime', async () => {
    const own = link(await startRuntime(() => {}));
    const other = link(await startRuntime(() => {}));
    const current = { ...own };
    let now = 0;
    const check = new HealthCheck(current, () => now);
    await check.answer(health);
    Object.assign(current, other);
    expect(check.isWaiting).toBe(false);
    now = 31_000;

    expect(bodyOf(await check.answer(health))).toMatchObject({ status: 'ok', busy: true });
  });

  it('is bad while there is no runtime', async () => {
    const answer = await new HealthCheck(link(undefined), () => 0).answer(health);

    expect(answer.status).toBe(503);
    expect(bodyOf(answer)).toEqual({ status: 'loading', model_loaded: false });
  });
});
