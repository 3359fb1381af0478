// The port against a local Function URL that checks signatures as AWS does.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { Sha256 } from '@smithy/core/checksum';
import OpenAI from 'openai';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createProxy } from '../../../../tools/connect/proxy.ts';
import { credentials, region, stubCredentials } from '../deploy/fixtures.ts';
import {
  answer,
  ifSigned,
  isSigned,
  type Respond,
  startFunctionUrl,
  streamChat,
} from '../deploy/function-url.ts';

const printed: string[] = [];
beforeEach(() => void printed.splice(0));

/** Starts the port before a Function URL, with the credentials of the SDK's default chain. */
async function startProxy(url: string, { isLoopback = true } = {}) {
  const target = {
    url: new URL(url),
    region,
    credentials: defaultProvider({ ignoreCache: true }),
    sha256: Sha256,
  };
  const server = createProxy(target, { isLoopback, print: (line) => printed.push(line) });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ok = answer(200, '{"status": "ok"}');

describe('the port', () => {
  beforeEach(stubCredentials);

  it('passes on the method, the path, the query, the headers and the body, signed', async () => {
    const { url, received } = await startFunctionUrl(ifSigned(ok));
    const origin = await startProxy(url);
    const response = await fetch(`${origin}/v1/models/a%2Fb%20c?x=1+2&y=%C3%A9%27&x=0`, {
      method: 'PUT',
      headers: { 'content-type': 'text/plain', 'x-strict-fields': 'true', 'x-api-key': 'own' },
      body: Buffer.from([0xff, 0, 0x80]),
    });

    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
    expect(received).toMatchObject([
      {
        method: 'PUT',
        path: '/v1/models/a%2Fb%20c?x=1%202&y=%C3%A9%27&x=0',
        headers: { 'content-type': 'text/plain', 'x-strict-fields': 'true', 'x-api-key': 'own' },
      },
    ]);
    expect(received[0]?.bytes).toEqual(Buffer.from([0xff, 0, 0x80]));
  });

  it("does not pass on the client's key, nor headers of Amazon's", async () => {
    const { url, received } = await startFunctionUrl(ifSigned(ok));
    const origin = await startProxy(url);
    const headers = { authorization: 'Bearer secret', 'x-amz-date': '20200101T000000Z', 'x-amz-other': '1' };
    const { status } = await fetch(`${origin}/health`, { headers });

    expect(status).toBe(200);
    expect(JSON.stringify(received[0]?.headers)).not.toMatch(/secret|2020|x-amz-other/);
  });

  it("returns the answer's status and headers", async () => {
    const respond: Respond = (_, response) =>
      void response.writeHead(429, { 'retry-after': '7', 'x-request-id': 'a1' }).end('{"error": {}}');
    const { url } = await startFunctionUrl(ifSigned(respond));
    const { status, headers } = await fetch(`${await startProxy(url)}/v1/models`);

    expect(status).toBe(429);
    expect(headers.get('retry-after')).toBe('7');
    expect(headers.get('x-request-id')).toBe('a1');
  });

  it('passes on a body of 6 MiB, and refuses a longer one', async () => {
    const { url, received } = await startFunctionUrl(ifSigned(ok));
    const origin = await startProxy(url);
    const send = (length: number) =>
      fetch(`${origin}/v1/x`, { method: 'POST', body: Buffer.alloc(length, 97) });
    const whole = await send(6 * 1024 * 1024);
    const long = await send(6 * 1024 * 1024 + 1);

    expect(whole.status).toBe(200);
    expect(received.map(({ bytes }) => bytes.length)).toEqual([6 * 1024 * 1024]);
    expect([long.status, await long.json()]).toMatchObject([413, { error: { code: 'request_too_large' } }]);
  });

  it('streams each event as it comes, for as long as they come', async () => {
    const events = 1000;
    const next = Array.from({ length: events }, () => Promise.withResolvers<void>());
    const respond: Respond = async (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      for (const [index, { promise }] of next.entries()) {
        await promise;
        response.write(`data: ${index}\n\n`);
      }
      response.end();
    };
    const { url } = await startFunctionUrl(ifSigned(respond));
    const { body } = await fetch(`${await startProxy(url)}/v1/chat/completions`, {
      method: 'POST',
      body: '{}',
    });
    const texts = (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let read = 0;
    for (const { resolve } of next) {
      resolve();
      // The function writes an event only after the one before it has arrived here.
      if ((await texts.read()).value === `data: ${read}\n\n`) read += 1;
    }

    expect(read).toBe(events);
    expect((await texts.read()).done).toBe(true);
  }, 60_000);

  it('serves an OpenAI client that has only a base URL and any key', async () => {
    const { url } = await startFunctionUrl(ifSigned(streamChat(['Par', 'is'])));
    const client = new OpenAI({ baseURL: `${await startProxy(url)}/v1`, apiKey: 'any', maxRetries: 0 });
    const messages = [{ role: 'user' as const, content: 'Hi' }];
    const stream = await client.chat.completions.create({ model: 'any', messages, stream: true });

    const chunks = await Array.fromAsync(stream);

    expect(chunks.map(({ choices }) => choices[0]?.delta.content)).toEqual(['Par', 'is']);
  });

  it('ends the request when the client disconnects', async () => {
    const left = Promise.withResolvers<void>();
    const respond: Respond = (_, response) => {
      response.once('close', () => left.resolve());
      response.writeHead(200).write('first');
    };
    const { url } = await startFunctionUrl(ifSigned(respond));
    const leaving = new AbortController();
    const response = await fetch(`${await startProxy(url)}/health`, { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();

    await left.promise;
    expect(printed).toEqual([]);
  });

  it('ends the answer when the function does', async () => {
    const respond: Respond = (_, response) =>
      void response.writeHead(200).write('first', () => response.destroy());
    const { url } = await startFunctionUrl(ifSigned(respond));
    const response = await fetch(`${await startProxy(url)}/health`);

    await expect(response.text()).rejects.toThrow();
  });

  it('says why AWS refuses a request', async () => {
    const { url } = await startFunctionUrl(
      answer(403, '{"Message":"Forbidden"}'),
      answer(403, '{"message":"The request signature we calculated does not match"}'),
      answer(403, '{"message":"The security token included in the request is invalid."}'),
      answer(403, 'Denied by an organization'),
    );
    const origin = await startProxy(url);
    const reasonOf = async (path: string) => {
      const response = await fetch(origin + path);
      return [response.status, ((await response.json()) as { error: { message: string } }).error.message];
    };

    expect(await reasonOf('/health')).toEqual([
      403,
      "These credentials lack the permission lambda:InvokeFunctionUrl and lambda:InvokeFunction: ask the account's administrator for it, or set AWS_PROFILE to a profile that has it (Forbidden).",
    ]);
    expect(await reasonOf('/health')).toEqual([403, expect.stringMatching(/clock.*does not match/)]);
    expect(await reasonOf('/health')).toEqual([403, expect.stringMatching(/^AWS rejects these credentials/)]);
    expect(await reasonOf('/health')).toEqual([403, expect.stringContaining('Denied by an organization')]);
    expect(printed).toHaveLength(4);
    expect(printed[0]).toMatch(/^GET \/health: These credentials lack the permission/);
  });

  it("writes its errors for Ollama's clients in their form", async () => {
    const { url } = await startFunctionUrl(answer(403, '{"Message":"Forbidden"}'));
    const response = await fetch(`${await startProxy(url)}/api/tags`);

    expect(await response.json()).toEqual({ error: expect.stringContaining('lack the permission') });
  });

  it("writes its errors for Anthropic's clients in their form", async () => {
    const { url } = await startFunctionUrl(answer(403, '{"Message":"Forbidden"}'));
    const response = await fetch(`${await startProxy(url)}/v1/messages?beta=true`, { method: 'POST' });

    expect(await response.json()).toEqual({
      type: 'error',
      error: { type: 'permission_error', message: expect.stringContaining('lack the permission') },
      request_id: null,
    });
  });

  it('says that the URL cannot be reached', async () => {
    const response = await fetch(`${await startProxy('http://127.0.0.1:1/')}/health`);

    expect([response.status, await response.json()]).toMatchObject([
      502,
      { error: { code: 'unreachable', message: expect.stringContaining('ECONNREFUSED') } },
    ]);
  });

  it.each([
    [{ host: 'evil.example' }, 403],
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: 'http://localhost:3000' }, 200],
    [{ host: 'localhost:8000' }, 200],
  ])('answers a request with %j by %i', async (headers, status) => {
    const { url, received } = await startFunctionUrl(ifSigned(ok));
    const asked = request(`${await startProxy(url)}/health`, { headers }).end();
    const [response] = await once(asked, 'response');
    await json(response);

    expect(response.statusCode).toBe(status);
    expect(received).toHaveLength(status === 200 ? 1 : 0);
  });

  it('serves other machines on demand', async () => {
    const { url } = await startFunctionUrl(ifSigned(ok));
    const origin = await startProxy(url, { isLoopback: false });
    const asked = request(`${origin}/health`, { headers: { host: 'box.example' } }).end();
    const [response] = await once(asked, 'response');

    expect(response.statusCode).toBe(200);
  });
});

describe('credentials', () => {
  /** Has the SDK read its credentials from a file. Returns a function that writes them. */
  function useFile(): (secretAccessKey: string | undefined) => void {
    const folder = mkdtempSync(join(tmpdir(), 'connect-'));
    const file = join(folder, 'credentials');
    const write = (secretAccessKey: string | undefined) =>
      writeFileSync(
        file,
        secretAccessKey === undefined
          ? ''
          : `[default]\naws_access_key_id = ${credentials.accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
      );
    stubCredentials();
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
      vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return write;
  }

  const { accessKeyId } = credentials;
  const expired = answer(403, '{"message":"The security token included in the request is expired"}');

  it('that have expired are read again, and the request is signed anew', async () => {
    const write = useFile();
    write('old');
    const { url, received } = await startFunctionUrl(
      ifSigned(ok, { accessKeyId, secretAccessKey: 'old' }),
      expired,
      ifSigned(ok, { accessKeyId, secretAccessKey: 'new' }),
    );
    const origin = await startProxy(url);
    const send = async () => (await fetch(`${origin}/v1/x`, { method: 'POST', body: '{"a": 1}' })).status;
    const first = await send();
    write('new');

    expect([first, await send(), await send()]).toEqual([200, 200, 200]);
    expect(received.map(({ body }) => body)).toEqual(Array(4).fill('{"a": 1}'));
  });

  it('that cannot be renewed are reported', async () => {
    useFile()('old');
    const { url, received } = await startFunctionUrl(expired);
    const response = await fetch(`${await startProxy(url)}/health`);

    expect([response.status, await response.json()]).toMatchObject([
      401,
      { error: { code: 'expired-credentials', message: expect.stringContaining('log in again') } },
    ]);
    expect(received).toHaveLength(2);
  });

  it('that come with an expiration are renewed before it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'connect-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    // A program that names another secret each time. The first one expires within the time in which the SDK renews.
    const script = join(folder, 'issue.mjs');
    writeFileSync(
      script,
      `import { appendFileSync, readFileSync } from 'node:fs';
      appendFileSync('${folder}/calls', 'x');
      const count = readFileSync('${folder}/calls', 'utf8').length;
      const Expiration = new Date(Date.now() + (count === 1 ? 60_000 : 3_600_000)).toISOString();
      console.log(JSON.stringify({ Version: 1, AccessKeyId: '${accessKeyId}', SecretAccessKey: 'secret' + count, Expiration }));`,
    );
    useFile()(undefined);
    writeFileSync(join(folder, 'config'), `[default]\ncredential_process = ${process.execPath} ${script}\n`);
    vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
    const second = ifSigned(answer(200, 'second'), { accessKeyId, secretAccessKey: 'secret2' });
    const { url } = await startFunctionUrl((received, response) => {
      const isFirst = isSigned(received, { accessKeyId, secretAccessKey: 'secret1' });
      return (isFirst ? answer(200, 'first') : second)(received, response);
    });
    const origin = await startProxy(url);
    const texts = [];
    do texts.push(await (await fetch(`${origin}/health`)).text());
    while (texts.at(-1) === 'first');

    expect(texts[0]).toBe('first');
    expect(texts.at(-1)).toBe('second');
  }, 60_000);

  it('that are missing are reported', async () => {
    useFile()(undefined);
    const { url, received } = await startFunctionUrl(ok);
    const response = await fetch(`${await startProxy(url)}/health`);

    expect([response.status, await response.json()]).toMatchObject([
      401,
      { error: { code: 'no-credentials', message: expect.stringContaining("log in with 'aws login'") } },
    ]);
    expect(received).toEqual([]);
  });
});
