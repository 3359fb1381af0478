import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../../src/config/environment.ts';
import { Cors } from '../../../src/http/cors.ts';
import type { HttpRequest } from '../../../src/http/http.ts';

const page = 'https://chat.example.com';

function parse(text: string): Cors {
  const cors = Cors.parse(text);
  if (cors === undefined) throw new Error('No CORS.');
  return cors;
}

function request(method: string, headers: Record<string, string>): HttpRequest {
  return { method, path: '/v1/completions', headers, body: new Uint8Array() };
}

function preflightOf(origin: string, headers: Record<string, string> = {}): HttpRequest {
  return request('OPTIONS', { origin, 'access-control-request-method': 'POST', ...headers });
}

describe('Cors.parse', () => {
  it.each([undefined, '', '  '])('allows no origin for %j', (text) => {
    expect(Cors.parse(text)).toBeUndefined();
  });

  it.each([
    ['https://chat.example.com', page],
    ['HTTPS://Chat.Example.COM', page],
    ['https://chat.example.com:443', page],
    [' http://localhost:5173 , https://chat.example.com ', page],
    [' http://localhost:5173 , https://chat.example.com ', 'http://localhost:5173'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
    ['https://müller.example', 'https://xn--mller-kva.example'],
    ['chrome-extension://ABCdef', 'chrome-extension://abcdef'],
    ['tauri://localhost', 'tauri://localhost'],
  ])('parses %j and allows %s', (text, origin) => {
    expect(parse(text).headers(request('GET', { origin }))).toMatchObject({
      'access-control-allow-origin': origin,
    });
  });

  it.each([
    'chat.example.com',
    'https://chat.example.com/',
    'https://chat.example.com/app',
    'https://chat.example.com?a',
    'https://user@chat.example.com',
    'https://*.example.com',
    'https://',
    'https://chat.example.com:99999',
    'null',
    'https://chat.example.com,',
    'https://chat.example.com https://other.example.com',
    '*, https://chat.example.com',
  ])('rejects %j with the name of the variable', (text) => {
    expect(() => Cors.parse(text)).toThrow(ConfigurationError);
    expect(() => Cors.parse(text)).toThrow(`CORS_ORIGINS=${JSON.stringify(text)} cannot be used`);
  });
});

describe('the answer to a preflight', () => {
  it('lists the methods and headers that an allowed page may send', () => {
    const answer = parse(page).preflight(
      preflightOf(page, { 'access-control-request-headers': 'authorization,x-stainless-os' }),
      ['GET', 'POST'],
    );

    expect(answer).toEqual({
      status: 204,
      headers: {
        'access-control-allow-origin': page,
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'authorization,x-stainless-os',
        'access-control-max-age': '7200',
        vary: 'origin',
      },
      body: '',
    });
  });

  it('is the same for all pages when all are allowed', () => {
    const answer = parse('*').preflight(preflightOf(page), ['GET']);

    expect(answer?.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'authorization, x-api-key, content-type',
    });
    expect(answer?.headers).not.toHaveProperty('vary');
  });

  it("allows every header that OpenAI's client sends from a browser", async () => {
    let sent: string[] = [];
    const client = new OpenAI({
      baseURL: 'http://127.0.0.1/v1',
      apiKey: 'key',
      organization: 'organization',
      dangerouslyAllowBrowser: true,
      fetch: async (_, init) => {
        sent = [...new Headers(init?.headers).keys()].sort();
        return Response.json({});
      },
    });
    await client.completions.create({ model: 'm', prompt: 'Hi' });

    const preflight = preflightOf(page, { 'access-control-request-headers': sent.join(',') });
    const allowed = parse(page).preflight(preflight, ['POST'])?.headers['access-control-allow-headers'];

    expect(sent).toEqual(expect.arrayContaining(['authorization', 'openai-organization', 'x-stainless-os']));
    expect(allowed?.split(',')).toEqual(sent);
  });

  it.each(['a\r\nset-cookie: b', 'a b', ',', 'x: y', ''])(
    'allows the default headers when the requested ones are malformed: %j',
    (names) => {
      const preflight = preflightOf(page, { 'access-control-request-headers': names });

      expect(parse(page).preflight(preflight, ['GET'])?.headers['access-control-allow-headers']).toBe(
        'authorization, x-api-key, content-type',
      );
    },
  );

  it.each([
    ['another origin', preflightOf('https://evil.example.com')],
    ['a longer origin', preflightOf(`${page}.evil.example.com`)],
    ['another scheme', preflightOf('http://chat.example.com')],
    ['another port', preflightOf(`${page}:8443`)],
    ['a sandboxed page', preflightOf('null')],
    ['no origin', request('OPTIONS', { 'access-control-request-method': 'POST' })],
    ['no method', request('OPTIONS', { origin: page })],
    ['a request itself', request('POST', { origin: page, 'access-control-request-method': 'POST' })],
  ])('is absent for %s', (_, given) => {
    expect(parse(page).preflight(given, ['POST'])).toBeUndefined();
  });
});

describe('the CORS headers of a response', () => {
  it('let an allowed page read it', () => {
    expect(parse(page).headers(request('POST', { origin: page }))).toEqual({
      'access-control-allow-origin': page,
      'access-control-expose-headers': 'x-request-id, request-id, retry-after, x-ignored-fields',
      vary: 'origin',
    });
  });

  it('let every page read it when all are allowed, sandboxed pages too', () => {
    for (const headers of [{ origin: page }, { origin: 'null' }, {}] as Record<string, string>[]) {
      expect(parse('*').headers(request('POST', headers))).toEqual({
        'access-control-allow-origin': '*',
        'access-control-expose-headers': 'x-request-id, request-id, retry-after, x-ignored-fields',
      });
    }
  });

  it.each(['https://evil.example.com', 'null', ''])(
    'do not let %j read it, and make caches vary by origin',
    (origin) => {
      expect(parse(page).headers(request('POST', { origin }))).toEqual({ vary: 'origin' });
    },
  );

  it('never allow cookies', () => {
    const given = [
      parse('*').headers(preflightOf(page)),
      parse('*').preflight(preflightOf(page), [])?.headers,
    ];

    expect(JSON.stringify(given)).not.toContain('credentials');
  });
});
