// The front against a fake emulator: its own process, commanded by the events it is sent.
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readApiKeySource } from '../../../src/http/api-key.ts';
import { Cors } from '../../../src/http/cors.ts';
import type { FrontConfig } from '../../../src/server/config.ts';
import { type Front, startFront } from '../../../src/server/front.ts';
import { invokePath } from '../../../src/server/invoke-path.ts';
import { findFreePorts } from '../../../src/server/loopback.ts';
import { isLiving, killSession, listSession } from '../../../src/server/process-session.ts';
import { type Gate, openGate } from './gate.ts';
import { until } from './until.ts';

const config: FrontConfig = {
  host: '127.0.0.1',
  port: 0,
  apiKey: undefined,
  limitsCallers: false,
  callers: {},
  queueLimit: 10,
  functionTimeoutSeconds: 5,
  threads: { count: 1, adapts: false },
  functionMegabytes: 3008,
  shutdownGraceSeconds: 60,
  playground: undefined,
  emulatorPath: join(import.meta.dirname, 'fake-emulator.mjs'),
  bootstrap: ['serve'],
};

let gate: Gate;
const cleanUps: (() => Promise<void>)[] = [];

beforeEach(async () => {
  gate = await openGate();
});

afterEach(async () => {
  await gate.close();
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function serve(overrides: Partial<FrontConfig> = {}): Promise<Front> {
  const front = await startFront({ ...config, ...overrides });
  cleanUps.push(() => front.close());
  return front;
}

function invoke(front: Front, event: unknown, init: RequestInit = {}): Promise<Response> {
  const body = typeof event === 'string' ? event : JSON.stringify(event);
  return fetch(front.url + invokePath, { method: 'POST', body, ...init });
}

const readError = async (response: Response) => ((await response.json()) as { error: unknown }).error;

/** The emulator's process id, which a serving front always has. */
function emulatorOf(front: Front): number {
  if (front.emulatorPid === undefined) throw new Error('The front has no emulator.');
  return front.emulatorPid;
}

/** The emulators that this process started and that live. */
function listChildren(): number[] {
  const numbers = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return numbers
    .map(Number)
    .filter((pid) => listSession(pid).some((member) => member.pid === pid && member.parent === process.pid))
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(config.emulatorPath));
}

/** Sends events while one is in flight, each when the one before has taken its place in the queue. */
async function queueUp(front: Front, events: unknown[]): Promise<Promise<Response>[]> {
  const answers: Promise<Response>[] = [];
  for (const event of events) {
    answers.push(invoke(front, event));
    await until(() => front.waiting === answers.length);
  }
  return answers;
}

it('leaves the function more time than its answers take, because an emulator ends a function that is late', async () => {
  const front = await serve({ functionTimeoutSeconds: 7 });
  const environment = readFileSync(`/proc/${emulatorOf(front)}/environ`, 'utf8').split('\0');

  expect(environment).toContain('FUNCTION_TIMEOUT=7');
  expect(environment).toContain('AWS_LAMBDA_FUNCTION_TIMEOUT=9');
});

describe('passing through', () => {
  it('gives the status, headers and body of the emulator, with the invocation headers it was sent', async () => {
    const front = await serve();
    const event = { prompt: 'Paris é 🙂' };

    const response = await invoke(front, event, { headers: { 'X-Amz-Client-Context': 'e30=' } });

    expect(response.status).toBe(200);
    expect(response.headers.get('x-from')).toBe('emulator');
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('transfer-encoding')).toBeNull();
    expect(await response.json()).toMatchObject({ event, headers: { 'x-amz-client-context': 'e30=' } });
  });

  it('drops a byte order mark, which would end the runtime', async () => {
    const front = await serve();
    const response = await invoke(front, '\uFEFF{"prompt": "Hi"}');

    expect(await response.json()).toMatchObject({ event: { prompt: 'Hi' } });
  });

  it('answers many at once, one after the other', async () => {
    const front = await serve({ queueLimit: 20 });
    const numbers = Array.from({ length: 20 }, (_, number) => number);

    const answers = await Promise.all(
      numbers.map(async (number) => (await invoke(front, { number })).json()),
    );

    const pid = front.emulatorPid;
    expect(answers).toMatchObject(numbers.map((number) => ({ event: { number }, emulator: pid })));
  });
});

describe('what the front refuses itself', () => {
  it.each([
    { name: 'an empty body', body: '' },
    { name: 'a body that is not JSON', body: 'prompt=hello' },
  ])('$name', async ({ body }) => {
    const front = await serve();

    const response = await invoke(front, body);

    expect(response.status).toBe(400);
    expect(await readError(response)).toMatchObject({
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_json',
    });
  });

  it('a body over 6 MiB, without waiting for its end, and with an answer that arrives', async () => {
    const front = await serve();
    const outgoing = request(front.url + invokePath, { method: 'POST', headers: { connection: 'close' } });
    outgoing.on('error', () => {});

    outgoing.write(Buffer.alloc(6 * 1024 * 1024 + 1, ' '));
    const [incoming] = await once(outgoing, 'response');

    expect(incoming.statusCode).toBe(400);
    const length = Number(incoming.headers['content-length']);
    expect(JSON.parse(String(incoming.read(length) ?? (await readBytes(incoming, length))))).toMatchObject({
      error: { code: 'payload_too_large' },
    });
    outgoing.destroy();
  });

  it('another method, and says which one it takes', async () => {
    const front = await serve();

    const response = await fetch(front.url + invokePath);

    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
    expect(await readError(response)).toMatchObject({ code: 'method_not_allowed' });
  });

  it.each(['GARBAGE\r\n\r\n', '\u0016\u0003\u0001', 'POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n'])(
    'what is not HTTP: %j',
    async (bytes) => {
      const front = await serve();
      const connection = connect(Number(new URL(front.url).port), '127.0.0.1');

      connection.write(bytes, 'latin1');
      const answer = await text(connection);

      expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(answer).toContain('"code":"malformed_http"');
      expect((await invoke(front, {})).status).toBe(200);
    },
  );

  it('what is not HTTP, but not within another answer on the connection', async () => {
    const front = await serve();
    const connection = connect(Number(new URL(front.url).port), '127.0.0.1');
    connection.on('error', () => {});
    connection.write(`GET /events?gate=${encodeURIComponent(gate.url)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    let received = String((await once(connection, 'data'))[0]);
    await gate.next();
    connection.on('data', (bytes) => {
      received += bytes;
    });
    connection.write('GARBAGE\r\n\r\n');
    await once(connection, 'close');

    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
  });

  it('more than may wait, and says when to try again', async () => {
    const front = await serve({ queueLimit: 1 });
    const running = invoke(front, { waitFor: gate.url });
    const held = await gate.next();
    const [waiting] = await queueUp(front, [{ number: 1 }]);

    const refused = await invoke(front, { number: 2 });

    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(await readError(refused)).toMatchObject({ code: 'queue_full' });
    held.letOn();
    expect((await running).status).toBe(200);
    expect((await waiting)?.status).toBe(200);
  });
});

/** Reads bytes until so many are there. */
async function readBytes(stream: NodeJS.ReadableStream, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  while (Buffer.concat(chunks).byteLength < length)
    chunks.push(((await once(stream, 'data')) as [Buffer])[0]);
  return Buffer.concat(chunks);
}

describe('an emulator that dies', () => {
  it('fails the invocation in flight, and the next emulator answers those that wait', async () => {
    const front = await serve();
    const first = emulatorOf(front);
    const running = invoke(front, { waitFor: gate.url, crash: true });
    const held = await gate.next();
    const waiting = await queueUp(front, [{ number: 1 }, { number: 2 }]);

    held.letOn();
    const failed = await running;

    expect(failed.status).toBe(502);
    expect(await readError(failed)).toMatchObject({ type: 'server_error', code: 'runtime_exited' });
    const answers = await Promise.all(waiting.map(async (answer) => (await answer).json()));
    expect(answers).toMatchObject([{ event: { number: 1 } }, { event: { number: 2 } }]);
    expect(emulatorOf(front)).not.toBe(first);
    expect(listSession(first)).toEqual([]);
  });

  it('is replaced between invocations without anybody noticing', async () => {
    const front = await serve();
    const first = emulatorOf(front);
    process.kill(first, 'SIGKILL');
    await until(() => !isLiving(first));

    const response = await invoke(front, { number: 1 });

    expect(response.status).toBe(200);
    expect(listSession(first)).toEqual([]);
  });

  it('is replaced between invocations when it lost its runtime', async () => {
    const front = await serve();
    const { runtime } = (await (await invoke(front, {})).json()) as { runtime: number };
    process.kill(runtime, 'SIGKILL');
    await until(() => !isLiving(runtime));

    const answer = (await (await invoke(front, { number: 1 })).json()) as { runtime: number };

    expect(answer).toMatchObject({ event: { number: 1 } });
    expect(answer.runtime).not.toBe(runtime);
  });

  it('stays when only its runtime died in an invocation: its answer passes, and the next is answered', async () => {
    const front = await serve();
    const emulator = emulatorOf(front);

    const failed = await invoke(front, { exitRuntime: true });
    const next = await invoke(front, { number: 1 });

    expect(failed.status).toBe(502);
    expect(await failed.json()).toEqual({ errorType: 'Runtime.ExitError' });
    expect(await next.json()).toMatchObject({ event: { number: 1 }, emulator });
  });
});

describe('an emulator that is stopped', () => {
  it('is ended when its time is up, and the next one answers', async () => {
    const front = await serve({ functionTimeoutSeconds: 1 });
    const stopped = emulatorOf(front);
    process.kill(stopped, 'SIGSTOP');

    const response = await invoke(front, {});

    expect(response.status).toBe(504);
    expect(await readError(response)).toMatchObject({ code: 'deadline_exceeded' });
    expect((await invoke(front, {})).status).toBe(200);
    expect(listSession(stopped)).toEqual([]);
  });
});

describe('an emulator that cannot be brought up again', () => {
  it('is told, and fails what waits for it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'start-once-'));
    cleanUps.push(async () => rmSync(folder, { recursive: true }));
    const front = await serve({ bootstrap: ['start-once', join(folder, 'started')] });
    const failed = expect(front.failure).rejects.toThrow(/exited with code 3/);
    const running = invoke(front, { waitFor: gate.url, crash: true });
    const held = await gate.next();
    const [waiting] = await queueUp(front, [{ number: 1 }]);

    held.letOn();

    expect((await running).status).toBe(502);
    const response = await waiting;
    expect(response?.status).toBe(502);
    await failed;
  });
});

describe('a client that leaves', () => {
  it('while it waits: its invocation never begins', async () => {
    const front = await serve();
    const running = invoke(front, { waitFor: gate.url });
    const held = await gate.next();
    const client = new AbortController();
    const left = invoke(front, { waitFor: gate.url, number: 'left' }, { signal: client.signal });
    await until(() => front.waiting === 1);

    client.abort();
    await expect(left).rejects.toThrow();
    await until(() => front.waiting === 0);
    const last = invoke(front, { number: 'last' });
    held.letOn();

    expect((await running).status).toBe(200);
    // The one that left would hold the emulator at the gate for ever.
    expect(await (await last).json()).toMatchObject({ event: { number: 'last' } });
  });

  it('while its invocation runs: that ends before the next begins', async () => {
    const front = await serve();
    const emulator = emulatorOf(front);
    const client = new AbortController();
    const left = invoke(front, { waitFor: gate.url }, { signal: client.signal });
    const held = await gate.next();

    client.abort();
    await expect(left).rejects.toThrow();
    const [next] = await queueUp(front, [{ number: 1 }]);
    held.letOn();

    // Two at once would have crashed the emulator.
    expect(await (await next)?.json()).toMatchObject({ event: { number: 1 }, emulator });
  });
});

describe('starting', () => {
  it('fails with the reason in one line when the function does not load', async () => {
    await expect(startFront({ ...config, bootstrap: ['init-error'] })).rejects.toThrow(
      'The function did not load: ModelError: No model is there.',
    );
  });

  it('fails when the warm-up event is answered otherwise', async () => {
    await expect(startFront({ ...config, bootstrap: ['not-warm'] })).rejects.toThrow(/\{"hello":"world"\}/);
  });

  it('gives up on an emulator that dies each time, and passes on what it said', async () => {
    const write = vi.spyOn(process.stderr, 'write');

    await expect(startFront({ ...config, bootstrap: ['exit'] })).rejects.toThrow(/exited with code 3/);
    await until(() => write.mock.calls.flat().includes('fake emulator: no reason\n'));
    write.mockRestore();
  });

  it('passes on what the emulator says while it loads the function', async () => {
    const write = vi.spyOn(process.stderr, 'write');
    await serve({ bootstrap: ['say', 'loading'] });

    await until(() => write.mock.calls.flat().includes('fake emulator: loading\n'));
    write.mockRestore();
  });

  it('fails when there is no emulator', async () => {
    await expect(startFront({ ...config, emulatorPath: '/nowhere/rie' })).rejects.toThrow(/\/nowhere\/rie/);
  });

  it('fails when the port is in use', async () => {
    const port = Number(new URL(gate.url).port);

    await expect(startFront({ ...config, port })).rejects.toThrow(`port ${port}: the port is in use`);
  });

  it('takes requests before the function is loaded, and answers them when it is', async () => {
    const [port] = await findFreePorts();
    const starting = serve({ port, bootstrap: ['wait-for', gate.url] });
    const held = await gate.next();
    const answer = fetch(`http://127.0.0.1:${port}${invokePath}`, { method: 'POST', body: '{"number":1}' });
    held.letOn();

    expect(await (await answer).json()).toMatchObject({ event: { number: 1 } });
    await starting;
  });

  it('checks the settings while the emulator starts, and then loads no function', async () => {
    let emulators: number[] = [];
    const check = () => {
      emulators = listChildren();
      throw new Error('It does not fit.');
    };
    const requests = vi.fn<() => void>();
    void gate.next().then(requests);
    const starting = startFront({ ...config, bootstrap: ['wait-for', gate.url] }, { check });

    await expect(starting).rejects.toThrow('It does not fit.');

    expect(emulators).toHaveLength(1);
    expect(emulators.filter(isLiving)).toEqual([]);
    expect(requests).not.toHaveBeenCalled();
  });

  it('can be given up', async () => {
    await expect(startFront(config, { signal: AbortSignal.abort(new Error('given up')) })).rejects.toThrow(
      'given up',
    );
  });

  it('can be given up while the function loads, and leaves no process', async () => {
    const stop = new AbortController();
    const starting = startFront({ ...config, bootstrap: ['wait-for', gate.url] }, { signal: stop.signal });
    const isGivenUp = expect(starting).rejects.toThrow();
    await gate.next();
    const emulators = listChildren();

    stop.abort();
    await isGivenUp;

    expect(emulators).toHaveLength(1);
    expect(emulators.filter(isLiving)).toEqual([]);
  });
});

describe('closing', () => {
  it('answers what is in flight, refuses what waits, and leaves no process', async () => {
    const front = await serve();
    const emulator = emulatorOf(front);
    const running = invoke(front, { waitFor: gate.url });
    const held = await gate.next();
    const [waiting] = await queueUp(front, [{ number: 1 }]);

    const closed = front.close();
    const refused = await waiting;
    held.letOn();
    await closed;

    expect(refused?.status).toBe(503);
    expect((await running).status).toBe(200);
    expect(listSession(emulator)).toEqual([]);
    await expect(invoke(front, {})).rejects.toThrow();
  });

  it('does not wait longer than the grace period', async () => {
    const front = await serve({ shutdownGraceSeconds: 0 });
    const emulator = emulatorOf(front);
    const running = invoke(front, { waitFor: gate.url });
    await gate.next();

    await front.close();

    const response = await running;
    expect(response.status).toBe(503);
    expect(await readError(response)).toMatchObject({ code: 'shutting_down' });
    expect(listSession(emulator)).toEqual([]);
  });

  it('can be asked for twice', async () => {
    const front = await serve();

    await Promise.all([front.close(), front.close()]);

    await expect(fetch(front.url)).rejects.toThrow();
  });
});

describe('killSession', () => {
  it('does nothing to a session that is over', async () => {
    const front = await serve();
    const emulator = emulatorOf(front);
    await front.close();

    expect(() => killSession(emulator)).not.toThrow();
    expect(listSession(emulator)).toEqual([]);
  });
});

/** Asks for a path at which the fake runtime comes to the gate. */
const ask = (front: Front, path: string, init: RequestInit = {}) =>
  fetch(`${front.url}${path}?gate=${encodeURIComponent(gate.url)}`, init);

/** The process that answered. */
function runtimeOf(response: Response): number {
  const pid = Number(response.headers.get('x-runtime'));
  if (!(pid > 0)) throw new Error(`No runtime answered: ${response.status}`);
  return pid;
}

describe('any other path', () => {
  it('is answered by the runtime, which gets the request as it was sent', async () => {
    const front = await serve();

    const response = await fetch(`${front.url}/v1/completions?a=1&a=2&b=%20`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-several': 'one, two', te: 'trailers' },
      body: '{"prompt": "Grüße"}',
    });

    expect(response.status).toBe(201);
    expect(response.headers.get('x-several')).toBe('one, two');
    const answer = (await response.json()) as { headers: Record<string, string> };
    expect(answer).toMatchObject({
      method: 'POST',
      url: '/v1/completions?a=1&a=2&b=%20',
      headers: {
        'content-type': 'application/json',
        'x-several': 'one, two',
        'content-length': '21',
        host: new URL(front.url).host,
      },
      body: '{"prompt": "Grüße"}',
    });
    expect(answer.headers).not.toHaveProperty('te');
  });

  it('is answered by the process that answers invocations', async () => {
    const front = await serve();
    const { runtime } = (await (await invoke(front, {})).json()) as { runtime: number };

    expect(runtimeOf(await fetch(`${front.url}/v1/models`))).toBe(runtime);
  });

  it('is the first that the routes are asked, though the runtime has rehearsed one', async () => {
    const front = await serve();

    expect((await fetch(`${front.url}/v1/models`)).headers.get('x-requests')).toBe('1');
  });

  it('keeps its method, also where that has no body', async () => {
    const front = await serve();

    expect(await (await fetch(`${front.url}/v1/models`)).json()).toMatchObject({ method: 'GET', body: '' });
    const head = await fetch(`${front.url}/v1/models`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([201, '']);
  });

  it('keeps the body of a method that rarely has one', async () => {
    const front = await serve();

    const response = await fetch(`${front.url}/api/delete`, { method: 'DELETE', body: '{"model": "a"}' });

    expect(await response.json()).toMatchObject({ method: 'DELETE', body: '{"model": "a"}' });
  });

  it('with a body over 6 MiB is refused with 413', async () => {
    const front = await serve();

    const response = await fetch(`${front.url}/v1/completions`, {
      method: 'POST',
      body: 'a'.repeat(6 * 2 ** 20 + 1),
    });

    expect(response.status).toBe(413);
    expect(await readError(response)).toMatchObject({ code: 'request_too_large' });
  });

  const error = { type: 'request_too_large', message: expect.stringContaining('6 MiB') };

  it.each<[string, Record<string, string>, object]>([
    ['/v1/messages', {}, { type: 'error', error, request_id: expect.any(String) }],
    ['/messages?beta=true', {}, { type: 'error', error, request_id: expect.any(String) }],
    ['/v1/models/claude', { 'anthropic-version': '2023-06-01' }, { type: 'error', error }],
    ['/api/generate', {}, { error: expect.stringContaining('6 MiB') }],
    [
      '/v1/responses?a=b',
      { 'anthropic-version': '2023-06-01' },
      { error: expect.objectContaining({ code: 'request_too_large', param: null }) },
    ],
  ])("is refused in the API's own form: %s", async (path, headers, body) => {
    const front = await serve();
    const tooLong = 'a'.repeat(6 * 2 ** 20 + 1);

    const response = await fetch(front.url + path, { method: 'POST', headers, body: tooLong });

    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject(body);
    expect(response.headers.get('request-id')).toBe(
      'type' in body ? response.headers.get('x-request-id') : null,
    );
  });

  it('takes a body for which the client waits to be asked', async () => {
    const front = await serve();
    const outgoing = request(`${front.url}/v1/completions`, {
      method: 'POST',
      headers: { expect: '100-continue' },
    });
    outgoing.once('continue', () => outgoing.end('{}'));
    outgoing.flushHeaders();

    const [incoming] = await once(outgoing, 'response');

    expect(JSON.parse(await text(incoming))).toMatchObject({ body: '{}' });
  });

  it('is answered piece by piece', async () => {
    const front = await serve();
    const response = await ask(front, '/slow');
    const pieces = response.body?.pipeThrough(new TextDecoderStream()).getReader();

    expect(await pieces?.read()).toMatchObject({ value: 'begun ' });
    (await gate.next()).letOn();
    expect(await pieces?.read()).toMatchObject({ value: 'ended' });
  });

  it('is answered to its end when the front shuts down', async () => {
    const front = await serve();
    const response = await ask(front, '/slow');
    const held = await gate.next();
    const closed = front.close();
    held.letOn();

    expect(await response.text()).toBe('begun ended');
    await closed;
  });

  it('keeps no shutdown waiting once its client has left, though the runtime never ends its answer', async () => {
    const front = await serve();
    const leave = new AbortController();
    await fetch(`${front.url}/stuck`, { signal: leave.signal });
    leave.abort();

    // The grace period is a minute, the test's time less.
    await front.close();
    await expect(fetch(front.url)).rejects.toThrow();
  });

  it('ends with an error event when the front does not wait for it any longer', async () => {
    const front = await serve({ shutdownGraceSeconds: 0 });
    const response = await ask(front, '/events');
    await gate.next();
    await front.close();

    expect(await response.text()).toMatch(
      /\n\nevent: error\ndata: \{"error":.*"code":"shutting_down"\}\}\n\n$/,
    );
  });

  it('is cut when its time has long been up, though its client has not left', async () => {
    const front = await serve({ functionTimeoutSeconds: 0.1 });
    const response = await fetch(`${front.url}/stuck`);

    await expect(response.text()).rejects.toThrow('terminated');
  });

  it('is a 504 when its time is up before the runtime begins to answer', async () => {
    const front = await serve({ functionTimeoutSeconds: 0.1 });
    const response = await ask(front, '/silent');

    expect(response.status).toBe(504);
    expect(await readError(response)).toMatchObject({ code: 'deadline_exceeded' });
  });

  it('tells the runtime when its client leaves', async () => {
    const front = await serve();
    const leave = new AbortController();

    const response = await ask(front, '/left', { signal: leave.signal });
    expect(response.status).toBe(200);
    leave.abort();

    (await gate.next()).letOn();
  });

  it('reaches a client that has closed its side of the connection', async () => {
    const front = await serve();
    const client = connect({ port: Number(new URL(front.url).port), host: '127.0.0.1', allowHalfOpen: true });
    client.end(`GET /late?gate=${encodeURIComponent(gate.url)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);

    (await gate.next()).letOn();
    const answer = await text(client);

    expect(answer).toContain('HTTP/1.1 200 OK\r\n');
    expect(answer).toContain('late');
  });

  it('tells the runtime when its client leaves before the answer begins', async () => {
    const front = await serve();
    const client = connect(Number(new URL(front.url).port), '127.0.0.1');
    client.write(`GET /left-early?gate=${encodeURIComponent(gate.url)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await once(client, 'connect');
    client.destroy();

    (await gate.next()).letOn();
  });

  it('keeps an idle connection longer than the 60 s of a load balancer', async () => {
    const front = await serve();
    const { headers } = await fetch(`${front.url}/v1/models`);

    expect(headers.get('keep-alive')).toBe('timeout=75');
  });

  it('is not read from the runtime faster than its client reads it', async () => {
    const front = await serve();
    const client = connect(Number(new URL(front.url).port), '127.0.0.1');
    client.write(
      `GET /flood?gate=${encodeURIComponent(gate.url)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );

    // The runtime comes to the gate when it cannot write any more, or has written a gigabyte.
    (await gate.next()).letOn();
    let received = 0;
    for await (const bytes of client) received += (bytes as Buffer).byteLength;

    expect(received).toBeGreaterThan(2 ** 20);
    expect(received).toBeLessThan(64 * 2 ** 20);
  });

  it.each(['/bad path', '/caf\u00e9', '/%zz', '*'])(
    'has any path that HTTP lets through: %s',
    async (path) => {
      const front = await serve();
      const client = connect(Number(new URL(front.url).port), '127.0.0.1');
      client.write(
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-Odd: \u00e9\r\nConnection: close\r\n\r\n`,
        'latin1',
      );
      const [head] = (await text(client)).split('\r\n');

      expect(head).toMatch(/^HTTP\/1\.1 [24]0[01] /);
      expect((await fetch(front.url)).status).toBe(201);
    },
  );
});

describe('a runtime that dies', () => {
  it('fails an answer that has not begun with 502, and another runtime answers the next', async () => {
    const front = await serve();
    const first = runtimeOf(await fetch(front.url));
    const failed = ask(front, '/silent');
    await gate.next();

    process.kill(first, 'SIGKILL');

    const response = await failed;
    expect(response.status).toBe(502);
    expect(await readError(response)).toMatchObject({ type: 'server_error', code: 'runtime_exited' });
    expect(runtimeOf(await fetch(front.url))).not.toBe(first);
  });

  it('ends its streams with an error event', async () => {
    const front = await serve();
    const responses = await Promise.all([ask(front, '/events'), ask(front, '/events')]);
    await Promise.all([gate.next(), gate.next()]);

    process.kill(runtimeOf(responses[0]), 'SIGKILL');

    for (const response of responses) {
      const events = (await response.text()).split('\n\n');
      expect(events).toEqual([
        'data: {"choices":[]}',
        expect.stringMatching(/^event: error\ndata: \{"error":.*"code":"runtime_exited"\}\}$/),
        '',
      ]);
    }
  });

  it.each([
    ['/api/chat', /^\{"done":false\}\n\{"error":"The runtime exited[^"]*"\}\n$/],
    ['/v1/messages', /event: error\ndata: \{"type":"error","error":\{"type":"api_error",.*\}\n\n$/],
  ])("ends the stream of %s with an error in the API's own form", async (path, expected) => {
    const front = await serve();
    const response = await ask(front, path);
    await gate.next();

    process.kill(runtimeOf(response), 'SIGKILL');

    expect(await response.text()).toMatch(expected);
  });

  it.each(['/part-of-an-event', '/stuck'])('breaks an answer off that cannot end well: %s', async (path) => {
    const front = await serve();
    const response = await fetch(front.url + path);

    process.kill(runtimeOf(response), 'SIGKILL');

    await expect(response.text()).rejects.toThrow('terminated');
  });

  it('while nothing is asked is replaced at once', async () => {
    const front = await serve();
    const first = runtimeOf(await fetch(front.url));
    const emulator = emulatorOf(front);

    process.kill(first, 'SIGKILL');

    await until(() => front.emulatorPid !== undefined && front.emulatorPid !== emulator);
    expect(runtimeOf(await fetch(front.url))).not.toBe(first);
    expect(listSession(emulator)).toEqual([]);
  });

  it('is waited for, by requests that come while it dies', async () => {
    const front = await serve();
    const first = runtimeOf(await fetch(front.url));
    process.kill(first, 'SIGKILL');

    const responses = await Promise.all([1, 2, 3].map((number) => fetch(`${front.url}/${number}`)));

    expect(responses.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(responses.map(runtimeOf)).size).toBe(1);
  });

  it('in an invocation is replaced by the emulator, once that has answered for it', async () => {
    const front = await serve();
    const response = await ask(front, '/events');
    await gate.next();
    const emulator = emulatorOf(front);

    const failed = await invoke(front, { exitRuntime: true });

    expect(failed.status).toBe(502);
    expect(await response.text()).toContain('runtime_exited');
    expect(runtimeOf(await fetch(front.url))).not.toBe(runtimeOf(response));
    expect(emulatorOf(front)).toBe(emulator);
  });

  it('with its emulator is replaced too', async () => {
    const front = await serve();
    const response = await ask(front, '/events');
    await gate.next();

    process.kill(emulatorOf(front), 'SIGKILL');

    expect(await response.text()).toContain('runtime_exited');
    expect((await fetch(front.url)).status).toBe(201);
  });
});

describe('an answer of the front to a page', () => {
  const page = 'https://chat.example.com';
  const callers = { cors: Cors.parse(page) };

  it.each([
    { status: 413, path: '/v1/completions', body: 'a'.repeat(6 * 2 ** 20 + 1) },
    { status: 504, path: '/silent', body: '{}' },
    { status: 400, path: invokePath, body: '{' },
    { status: 200, path: invokePath, body: '{}' },
  ])('can be read by a page of an allowed origin: $status of $path', async ({ status, path, body }) => {
    const front = await serve({ callers, functionTimeoutSeconds: 0.1 });
    const response = await fetch(`${front.url}${path}?gate=${encodeURIComponent(gate.url)}`, {
      method: 'POST',
      headers: { origin: page },
      body,
    });

    expect(response.status).toBe(status);
    expect(response.headers.get('access-control-allow-origin')).toBe(page);
    expect(response.headers.get('vary')).toBe('origin');
  });

  it('cannot be read by another page', async () => {
    const front = await serve({ callers });
    const response = await invoke(front, {}, { headers: { origin: 'https://attacker.example' } });

    expect(response.status).toBe(403);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('an API key', () => {
  it('is asked for on the invoke URL', async () => {
    const front = await serve({ apiKey: readApiKeySource({ API_KEY: 'right' }) });
    const invoke = (headers: Record<string, string>) =>
      fetch(front.url + invokePath, {
        method: 'POST',
        headers,
        body: '{"source":"serverless-plugin-warmup"}',
      });

    expect((await invoke({ authorization: 'Bearer wrong' })).status).toBe(401);
    expect(await readError(await invoke({}))).toMatchObject({ code: 'invalid_api_key' });
    expect((await invoke({ authorization: 'Bearer right' })).status).toBe(200);
  });

  it('is checked before the body of an invocation is read', async () => {
    const front = await serve({ apiKey: readApiKeySource({ API_KEY: 'right' }) });
    const outgoing = request(front.url + invokePath, { method: 'POST', headers: { 'content-length': 100 } });
    outgoing.on('error', () => {});
    outgoing.flushHeaders();
    const [incoming] = await once(outgoing, 'response');

    expect(incoming.statusCode).toBe(401);
    outgoing.destroy();
  });

  it('is checked before the body of any other request is read, and the answer arrives', async () => {
    const front = await serve({ apiKey: readApiKeySource({ API_KEY: 'right' }) });
    const { answered, outgoing } = sendUnfinished(front, 6 * 2 ** 20, { 'x-api-key': 'wrong' });
    const incoming = await answered;
    outgoing.end(' ');

    expect(JSON.parse(await text(incoming))).toMatchObject({ headers: { 'x-api-key': 'wrong' }, body: '' });
  });

  it('does not keep the answer to a request without it from a client that waits with its body', async () => {
    const front = await serve({ apiKey: readApiKeySource({ API_KEY: 'right' }) });
    const outgoing = request(`${front.url}/v1/completions`, {
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 100 },
    });
    outgoing.on('error', () => {});
    outgoing.once('continue', () => outgoing.destroy());
    outgoing.flushHeaders();
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];

    expect(incoming.statusCode).toBe(201);
    outgoing.destroy();
  });

  it('lets the body of a request that has it be read', async () => {
    const front = await serve({ apiKey: readApiKeySource({ API_KEY: 'right' }) });
    const response = await fetch(`${front.url}/v1/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer right' },
      body: '{}',
    });

    expect(await response.json()).toMatchObject({ body: '{}' });
  });
});

describe('an invocation with a key', () => {
  it('brings a name of its key, in the place of one that the client writes', async () => {
    const front = await serve({ apiKey: readApiKeySource({ API_KEYS: 'one,other' }) });
    const forged = Buffer.from('{"custom":{"gguf-lambda-caller":"forged"}}').toString('base64');
    const nameOf = async (authorization: string) => {
      const response = await invoke(
        front,
        {},
        { headers: { authorization, 'x-amz-client-context': forged } },
      );
      const { headers } = (await response.json()) as { headers: Record<string, string> };
      const context = JSON.parse(Buffer.from(headers['x-amz-client-context'] ?? '', 'base64').toString());
      return context.custom['gguf-lambda-caller'] as string;
    };
    const [one, again, other] = [
      await nameOf('Bearer one'),
      await nameOf('bearer  one'),
      await nameOf('Bearer other'),
    ];

    expect(one).toMatch(/^[\w-]{43}$/);
    expect(again).toBe(one);
    expect(other).not.toBe(one);
  });
});

describe('bodies that stop before their end', () => {
  it('are refused when all together take over 64 MiB, until their clients leave', async () => {
    const front = await serve();
    const unfinished = Array.from({ length: 12 }, () => sendUnfinished(front, 6 * 2 ** 20));
    const refused = await Promise.race(unfinished.map(({ answered }) => answered));

    expect(refused.statusCode).toBe(429);
    expect(
      JSON.parse(String(await readBytes(refused, Number(refused.headers['content-length'])))),
    ).toMatchObject({ error: { code: 'server_busy' } });
    for (const { outgoing } of unfinished) outgoing.destroy();
    const ask = async () =>
      (await fetch(`${front.url}/v1/completions`, { method: 'POST', body: '{}' })).status;
    await expect.poll(ask).toBe(201);
  });
});

/** Sends all but the last byte of a body, on a connection that the client will close. */
function sendUnfinished(front: Front, length: number, headers: Record<string, string> = {}) {
  const outgoing = request(`${front.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-length': length, connection: 'close', ...headers },
  });
  outgoing.on('error', () => {});
  const answered = once(outgoing, 'response').then(([incoming]) => incoming as IncomingMessage);
  answered.catch(() => {});
  outgoing.write(Buffer.alloc(length - 1, ' '));
  cleanUps.push(async () => void outgoing.destroy());
  return { answered, outgoing };
}

describe('a limit of callers', () => {
  it('does not count an invocation whose client context is refused', async () => {
    const front = await serve({ limitsCallers: true });
    const headers = { authorization: 'Bearer over-its-limit', 'x-amz-client-context': 'ew==' };
    const refused = await invoke(front, {}, { headers });

    expect(refused.status).toBe(400);
    expect(await readError(refused)).toMatchObject({ code: 'invalid_value' });
  });

  it('is asked of the runtime before an invocation waits, and refuses with the reason and the time', async () => {
    const front = await serve({ limitsCallers: true });
    const held = invoke(front, { waitFor: gate.url });
    const holding = await gate.next();
    const refused = await invoke(front, {}, { headers: { authorization: 'Bearer over-its-limit' } });

    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '30']);
    expect(await readError(refused)).toMatchObject({ code: 'rate_limit_exceeded', message: 'Too many.' });
    holding.letOn();
    expect((await held).status).toBe(200);
  });

  it('is a 504 when the runtime does not answer in time', async () => {
    const front = await serve({ limitsCallers: true, functionTimeoutSeconds: 0.1 });
    const response = await invoke(front, {}, { headers: { 'x-gate': gate.url } });

    expect(response.status).toBe(504);
    expect(await readError(response)).toMatchObject({ code: 'deadline_exceeded' });
  });

  it('counts as something that is answered, and a shutdown waits for it', async () => {
    const front = await serve({ limitsCallers: true });
    const refused = invoke(
      front,
      {},
      { headers: { 'x-gate': gate.url, authorization: 'Bearer over-its-limit' } },
    );
    const held = await gate.next();

    expect(front.answering).toBe(1);
    const closed = front.close();
    held.letOn();
    expect((await refused).status).toBe(429);
    await closed;
  });

  it("passes the caller's name on to the function, and all that the client tells it", async () => {
    const front = await serve({ limitsCallers: true });
    const given = Buffer.from('{"client":{"appTitle":"a"}}').toString('base64');
    const response = await invoke(front, {}, { headers: { 'x-amz-client-context': given } });
    const { headers } = (await response.json()) as { headers: Record<string, string> };
    const context = JSON.parse(Buffer.from(headers['x-amz-client-context'] ?? '', 'base64').toString());

    expect(context).toEqual({ client: { appTitle: 'a' }, custom: { 'gguf-lambda-caller': 'somebody' } });
  });
});
