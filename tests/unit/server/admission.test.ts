import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findCaller } from '../../../src/http/client-context.ts';
import { requestAdmission } from '../../../src/server/admission.ts';
import { RuntimeExitedError } from '../../../src/server/emulator-errors.ts';
import type { Runtime } from '../../../src/server/runtime-link.ts';

const closers: (() => void)[] = [];
const staying = new AbortController().signal;

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A runtime, and the number of requests that have reached it. */
async function startRuntime(answer: RequestListener): Promise<Runtime & { asked: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'admission-'));
  const socket = join(folder, 'runtime');
  const agent = new Agent({ keepAlive: true });
  const runtime = { pid: process.pid, description: [], socket, agent, ping: async () => {}, asked: 0 };
  const server = createServer((request, response) => {
    runtime.asked += 1;
    answer(request, response);
  });
  await once(server.listen(socket), 'listening');
  closers.push(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return runtime;
}

/** Finds these runtimes, one after the other, and then the last one. */
function sourceOf(...runtimes: [Runtime, ...Runtime[]]) {
  const left = [...runtimes];
  const [last = runtimes[0]] = runtimes.slice(-1);
  return { findRuntime: async () => left.shift() ?? last, timeoutSeconds: 5 };
}

describe('an admission', () => {
  it('is asked of the next runtime when the first was ending', async () => {
    const runtime = await startRuntime((_, response) => response.writeHead(204, { 'x-caller': 'one' }).end());
    const ending = { ...runtime, socket: `${runtime.socket}-gone` };
    const headers = await requestAdmission({}, staying, sourceOf(ending, ending, runtime));
    const context = Buffer.from(String(headers['x-amz-client-context']), 'base64').toString();

    expect(findCaller({ clientContext: JSON.parse(context) })).toBe('one');
    expect(runtime.asked).toBe(1);
  });

  it('is not asked again once a runtime has it', async () => {
    const runtime = await startRuntime(({ socket }, response) => {
      response.writeProcessing();
      setImmediate(() => socket.destroy());
    });
    const admission = requestAdmission({}, staying, sourceOf(runtime));

    await expect(admission).rejects.toThrow(RuntimeExitedError);
    expect(runtime.asked).toBe(1);
  });

  it('ends with deadline_exceeded when the runtime does not answer in time', async () => {
    const runtime = await startRuntime((_, response) => response.writeProcessing());
    const admission = requestAdmission({}, staying, { ...sourceOf(runtime), timeoutSeconds: 0.1 });

    await expect(admission).rejects.toMatchObject({ code: 'deadline_exceeded', status: 504 });
  });

  it('is given up when the client leaves', async () => {
    const client = new AbortController();
    const runtime = await startRuntime(() => client.abort(new Error('left')));

    await expect(requestAdmission({}, client.signal, sourceOf(runtime))).rejects.toThrow('left');
    expect(runtime.asked).toBe(1);
  });
});
