// Keys and the limits of their callers on port 8000, where the front, the emulator and the runtime share the work.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { invokePath } from '../../src/server/invoke-path.ts';
import { type FrontProcess, startFrontProcess } from './front-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'keys-'));
const keyFile = join(folder, 'keys');
let front: FrontProcess;
let origin: string;

beforeAll(async () => {
  writeFileSync(keyFile, 'walker\nspender\nreader\nlistener\n');
  front = await startFrontProcess({
    API_KEYS_FILE: keyFile,
    TOKEN_BUDGET: '20/day',
    CACHE_SCOPE: 'key',
  });
  origin = new URL(front.url).origin;
});

afterAll(async () => {
  await front.end('SIGTERM');
  rmSync(folder, { recursive: true });
});

function ask(method: string, path: string, key?: string, body?: object, server = origin): Promise<Response> {
  return fetch(server + path, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function statusOf(...request: Parameters<typeof ask>): Promise<number> {
  const response = await ask(...request);
  await response.arrayBuffer();
  return response.status;
}

interface Description {
  readonly paths: Readonly<Record<string, object>>;
}

it('every route but / and /health asks for the key, the invoke URL too', async () => {
  const { paths } = (await (await ask('GET', '/openapi.json', 'walker')).json()) as Description;
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), path.replace(/\{\w+\}/, 'a')] as const),
  );
  const others = [
    ['POST', invokePath],
    ['GET', '/nowhere'],
    ['POST', '/completions'],
    ['POST', '/a/path/before/v1/completions'],
    ['POST', `${invokePath}/`],
  ] as const;
  const open: string[] = [];
  for (const [method, path] of [...routes, ...others]) {
    const statuses = [await statusOf(method, path), await statusOf(method, path, 'wrong')];
    if (statuses.some((status) => status !== 401)) open.push(`${method} ${path}`);
    expect(await statusOf(method, path, 'walker'), `${method} ${path}`).not.toBe(401);
  }

  expect(routes.length).toBeGreaterThan(30);
  expect(open.sort()).toEqual(['GET /', 'GET /health']);
});

it('a rate limit counts the requests and the invocations of a key together', async () => {
  // It counts in minutes from its start: few requests are well within the first.
  const limited = await startFrontProcess({ API_KEY: 'sender', RATE_LIMIT: '3' });
  onTestFinished(async () => void (await limited.end('SIGTERM')));
  const { origin: server } = new URL(limited.url);
  const warmUp = { source: 'serverless-plugin-warmup' };
  for (let count = 0; count < 2; count += 1)
    expect(await statusOf('GET', '/v1/models', 'sender', undefined, server)).toBe(200);
  expect(await statusOf('POST', invokePath, 'sender', warmUp, server)).toBe(200);

  for (const path of [invokePath, '/v1/completions']) {
    const refused = await ask('POST', path, 'sender', { prompt: 'Hi' }, server);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([
      429,
      expect.stringMatching(/^\d+$/),
    ]);
    expect(await refused.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
  }
});

it('a budget of tokens counts what invocations use, and ends for every path', async () => {
  const request = { prompt: 'The capital of France is', max_tokens: 16, temperature: 0, ignore_eos: true };
  expect(await statusOf('POST', invokePath, 'spender', request)).toBe(200);

  for (const path of [invokePath, '/v1/completions']) {
    const refused = await ask('POST', path, 'spender', request);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([
      429,
      expect.stringMatching(/^\d+$/),
    ]);
    expect(await refused.json()).toMatchObject({ error: { code: 'token_budget_exceeded' } });
  }
});

it('a key with a cache of its own learns nothing of another at the invoke URL', async () => {
  const cachedTokens = async (key: string) => {
    const response = await ask('POST', invokePath, key, { prompt: 'My secret is a fish', max_tokens: 1 });
    const { usage } = (await response.json()) as {
      usage: { prompt_tokens_details: { cached_tokens: number } };
    };
    return usage.prompt_tokens_details.cached_tokens;
  };

  expect(await cachedTokens('reader')).toBe(0);
  expect(await cachedTokens('reader')).toBeGreaterThan(0);
  expect(await cachedTokens('listener')).toBe(0);
});

it('keys change without a restart: a new one is taken, and a removed one is refused', async () => {
  writeFileSync(keyFile, 'newcomer\n');

  for (const path of ['/v1/models', '/slots']) {
    expect(await statusOf('GET', path, 'newcomer')).toBe(200);
    expect(await statusOf('GET', path, 'walker')).toBe(401);
  }
  const warmUp = { source: 'serverless-plugin-warmup' };
  expect(await statusOf('POST', invokePath, 'newcomer', warmUp)).toBe(200);
  expect(await statusOf('POST', invokePath, 'walker', warmUp)).toBe(401);
});
