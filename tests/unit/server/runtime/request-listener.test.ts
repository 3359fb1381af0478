// Node's HTTP around the routes, on a real connection, with a fake engine.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readApiKeySource } from '../../../../src/http/api-key.ts';
import { Cors } from '../../../../src/http/cors.ts';
import { RateLimit } from '../../../../src/http/rate-limit.ts';
import type { Service } from '../../../../src/http/service.ts';
import { invokePath } from '../../../../src/server/invoke-path.ts';
import { createRequestListener } from '../../../../src/server/runtime/request-listener.ts';
import { requestReporter } from '../../../../src/telemetry/reporter.ts';
import { Telemetry } from '../../../../src/telemetry/telemetry.ts';
import { FakeEngine } from '../../fake-engine.ts';

const model = 'fake-1b';
const servers: Server[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(load: () => Promise<Service>, timeoutSeconds = 60): Promise<string> {
  const server = createServer(createRequestListener({ load, timeoutSeconds }));
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serveEngine = (engine: FakeEngine, service: Partial<Service> = {}) =>
  serve(async () => ({ engine, model, ...service }));

function complete(url: string, body: object, init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${url}/v1/completions`, { method: 'POST', headers, body: JSON.stringify(body), ...init });
}

describe('a request', () => {
  it('is answered by the routes, with the length of the answer', async () => {
    const url = await serveEngine(new FakeEngine(['Grüße']));

    const response = await complete(url, { prompt: 'a' });

    const body = new Uint8Array(await response.arrayBuffer());
    expect(response.status).toBe(200);
    expect(response.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
    expect(response.headers.get('content-length')).toBe(String(body.byteLength));
    expect(JSON.parse(new TextDecoder().decode(body))).toMatchObject({ choices: [{ text: 'Grüße' }] });
  });

  it('has an id, a seed and a deadline of its own', async () => {
    const engine = new FakeEngine(['one', 'two']);
    const url = await serveEngine(engine);
    const before = performance.now();

    const ids = [];
    for (const prompt of ['a', 'b']) ids.push((await complete(url, { prompt })).headers.get('x-request-id'));

    const [first, second] = engine.requests;
    expect(new Set(ids).size).toBe(2);
    expect(first?.sampling?.seed).not.toBe(second?.sampling?.seed);
    expect(first?.endBy).toBeGreaterThan(before + 59_000);
    expect(first?.endBy).toBeLessThan(performance.now() + 60_000);
    expect(second?.endBy).toBeGreaterThan(first?.endBy ?? Number.NaN);
  });

  it('goes by its path without the query', async () => {
    const url = await serveEngine(new FakeEngine([]));

    expect(await (await fetch(`${url}/health?a=1`)).json()).toMatchObject({
      status: 'ok',
      model,
    });
  });

  it('with HEAD gets what GET gets, without the body', async () => {
    const url = await serveEngine(new FakeEngine([]));

    const response = await fetch(`${url}/health`, { method: 'HEAD' });

    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('that is a preflight gets no body and no length', async () => {
    const url = await serveEngine(new FakeEngine([]), { cors: Cors.parse('https://chat.example.com') });
    const headers = { origin: 'https://chat.example.com', 'access-control-request-method': 'POST' };

    const response = await fetch(`${url}/v1/completions`, { method: 'OPTIONS', headers });

    expect(response.status).toBe(204);
    expect(response.headers.get('content-length')).toBeNull();
  });

  it('for a stream gets its events as they are generated', async () => {
    const released = Promise.withResolvers<void>();
    const engine = new FakeEngine(['abc'], {
      beforeEvent: (_, event) => (event === 2 ? released.promise : undefined),
    });
    const url = await serveEngine(engine);
    const response = await complete(url, { prompt: 'a', stream: true });
    const pieces = response.body?.pipeThrough(new TextDecoderStream()).getReader();

    expect((await pieces?.read())?.value).toMatch(/^data: .*"a"/);
    released.resolve();
    let rest = '';
    for (let piece = await pieces?.read(); piece?.done === false; piece = await pieces?.read())
      rest += piece.value;
    expect(rest).toMatch(/data: \[DONE\]\n\n$/);
  });

  it('whose client disconnects is aborted', async () => {
    const aborted = Promise.withResolvers<void>();
    const engine = new FakeEngine(['abc'], {
      beforeEvent: (_, event, signal) =>
        event === 1
          ? new Promise((_, reject) =>
              signal?.addEventListener('abort', () => {
                aborted.resolve();
                reject(signal.reason);
              }),
            )
          : undefined,
    });
    const url = await serveEngine(engine);
    const leave = new AbortController();
    await complete(url, { prompt: 'a', stream: true }, { signal: leave.signal });
    leave.abort();

    await aborted.promise;
  });
});

describe('the line of a request', () => {
  /** Resolves with the line that is logged when the request has ended. */
  const nextLine = () =>
    new Promise<string>((resolve) => {
      vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
        resolve(String(line));
        return true;
      });
    });

  const telemetry = () => new Telemetry({ reporter: requestReporter });

  it.each([false, true])(
    'has the status 200 when the client read its whole answer, stream: %s',
    async (stream) => {
      const line = nextLine();
      const url = await serveEngine(new FakeEngine(['abc']), { telemetry: telemetry() });

      await (await complete(url, { prompt: 'a', stream })).text();

      expect(await line).toMatch(/POST \/v1\/completions 200,/);
    },
  );

  it.each([false, true])(
    'has the status 499 when the client left before its end, stream: %s',
    async (stream) => {
      const line = nextLine();
      const generating = Promise.withResolvers<void>();
      const engine = new FakeEngine(['abc'], {
        beforeEvent: (_, event, signal) => {
          if (event !== 1) return undefined;
          generating.resolve();
          return new Promise((_resolve, reject) =>
            signal?.addEventListener('abort', () => reject(signal.reason)),
          );
        },
      });
      const url = await serveEngine(engine, { telemetry: telemetry() });
      const leave = new AbortController();
      const answered = complete(url, { prompt: 'a', stream }, { signal: leave.signal });
      await generating.promise;
      leave.abort();

      await expect(answered.then((response) => response.text())).rejects.toThrow();
      expect(await line).toMatch(/POST \/v1\/completions 499,/);
    },
  );
});

describe('a failure', () => {
  it('to load is a 500 without internals, and the next request loads again', async () => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    let loads = 0;
    const url = await serve(async () => {
      loads += 1;
      if (loads === 1) throw new Error('broken on purpose');
      return { engine: new FakeEngine([]), model };
    });

    const failed = await fetch(`${url}/health`);

    expect(failed.status).toBe(500);
    expect(await failed.text()).not.toContain('on purpose');
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(written).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('broken on purpose'));
  });

  it('of a route is logged past the console, whose lines carry the id of an invocation', async () => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const log = vi.spyOn(console, 'error');
    const engine = new FakeEngine(['abc'], {
      beforeEvent: () => {
        throw new Error('broken on purpose');
      },
    });
    const url = await serveEngine(engine);

    expect((await complete(url, { prompt: 'a' })).status).toBe(500);
    expect(written).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('broken on purpose'));
    expect(log).not.toHaveBeenCalled();
  });
});

describe('an invocation that the front asks for', () => {
  const admit = (url: string, key: string) =>
    fetch(url + invokePath, { method: 'POST', headers: { authorization: `Bearer ${key}` } });

  it('is counted with the requests of its key', async () => {
    const apiKey = readApiKeySource({ API_KEYS: 'one,other' });
    const url = await serveEngine(new FakeEngine(), { apiKey, rateLimit: new RateLimit(2) });
    await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer one' } });
    const admitted = await admit(url, 'one');
    const refused = await admit(url, 'one');

    expect(admitted.status).toBe(204);
    expect(admitted.headers.get('x-caller')).toMatch(/^[\w-]{43}$/);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
    expect((await admit(url, 'other')).status).toBe(204);
    expect((await admit(url, 'wrong')).status).toBe(401);
  });
});
