// What clients that were made for llama-server send, and what the network does to requests.
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ CONTEXT_SIZE: '2048' });
});

afterAll(async () => {
  await server.end();
});

function post(path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${server.origin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

interface Answer {
  readonly content: string;
  readonly completion_probabilities: readonly { readonly top_logprobs: readonly unknown[] }[];
  readonly choices: readonly { readonly text: string }[];
  readonly error?: { readonly code: string };
}

const ask = async (path: string, body: object) => (await (await post(path, body)).json()) as Answer;

describe("llama-server's paths", () => {
  it('complete a prompt, whole and streamed, with the likeliest tokens', async () => {
    const body = { prompt: 'The capital of France is', n_predict: 4, temperature: 0, n_probs: 3 };
    const whole = await ask('/completion', body);
    const streamed = await (await post('/completion', { ...body, stream: true })).text();
    const chunks = streamed
      .split('\n\n')
      .filter((event) => event !== '')
      .map((event) => JSON.parse(event.replace('data: ', '')));

    expect(whole).toMatchObject({
      content: expect.stringContaining('Paris'),
      tokens_predicted: 4,
      stop: true,
    });
    expect(whole.completion_probabilities).toHaveLength(4);
    expect(whole.completion_probabilities[0]?.top_logprobs).toHaveLength(3);
    expect(chunks.map(({ content }) => content).join('')).toBe(whole.content);
  });

  it('refuse to fill a gap with a model that is not trained for it', async () => {
    const response = await post('/infill', { input_prefix: 'def f(', input_suffix: '): pass', n_predict: 8 });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'unsupported_parameter' } });
  });

  it('describe the slots', async () => {
    expect(await (await fetch(`${server.origin}/slots`)).json()).toMatchObject([{ id: 0, n_ctx: 2048 }]);
  });
});

describe('a constraint', () => {
  it.each([
    [{ guided_regex: '[0-9]{4}-[0-9]{2}' }, /^\d{4}-\d{2}$/],
    [{ guided_choice: ['yes', 'no'] }, /^(yes|no)$/],
    [{ structured_outputs: { json: { type: 'integer', multipleOf: 5, minimum: 1, maximum: 40 } } }, /^\d+$/],
  ])('holds: %j', async (fields, pattern) => {
    const { choices } = await ask('/v1/completions', { prompt: 'Answer:', max_tokens: 30, ...fields });

    expect(choices[0]).toMatchObject({ text: expect.stringMatching(pattern), finish_reason: 'stop' });
  });

  it('that only the check can enforce holds, or the answer is an error', async () => {
    const schema = {
      type: 'array',
      items: { type: 'integer', minimum: 1, maximum: 3 },
      minItems: 2,
      maxItems: 2,
      uniqueItems: true,
    };
    let valid = 0;
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const { choices, error } = await ask('/v1/completions', {
        prompt: 'Two numbers:',
        max_tokens: 60,
        json_schema: schema,
        seed,
      });
      if (error !== undefined) {
        expect(error.code).toBe('invalid_output');
        continue;
      }
      valid += 1;
      expect(new Set(JSON.parse(choices[0]?.text ?? '')).size).toBe(2);
    }
    expect(valid).toBeGreaterThan(0);
  });
});

describe('a request', () => {
  const body = Buffer.from(JSON.stringify({ prompt: 'Hi', max_tokens: 2 }));

  it.each([
    ['gzip', gzipSync(body)],
    ['br', brotliCompressSync(body)],
    ['zstd', zstdCompressSync(body)],
  ])('may be compressed: %s', async (encoding, bytes) => {
    const outgoing = request(`${server.origin}//v1/completions/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': encoding },
    });
    outgoing.end(bytes);
    const [response] = await once(outgoing, 'response');

    expect(response.statusCode).toBe(200);
    expect(await text(response)).toContain('text_completion');
  });

  it('may come on a connection that its client has closed on its side', async () => {
    const { port, hostname } = new URL(server.origin);
    const client = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    const head = `POST /v1/completions HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    client.end(head + body.toString());

    expect(await text(client)).toContain('text_completion');
  });
});
