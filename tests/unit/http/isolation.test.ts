// Thousands of interleaved requests of several keys, each with a secret: nothing of one reaches another, the log or the metrics.
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { GenerationEvent, GenerationRequest } from '../../../src/engine/engine.ts';
import { toRequestContext } from '../../../src/generation/context.ts';
import { answer } from '../../../src/http/answer.ts';
import { readApiKeySource } from '../../../src/http/api-key.ts';
import { toWholeResponse } from '../../../src/http/http.ts';
import type { Service } from '../../../src/http/service.ts';
import { requestReporter } from '../../../src/telemetry/reporter.ts';
import { createMetrics } from '../../../src/telemetry/server-metrics.ts';
import { Telemetry } from '../../../src/telemetry/telemetry.ts';
import { FakeEmbedder } from '../api/fake-embedder.ts';
import { model } from '../api/fake-service.ts';
import { templates } from '../chat/templates.ts';
import { FakeEngine } from '../fake-engine.ts';
import { catchPrinted, type Printed } from '../telemetry/printed.ts';

const count = 5000;
const atOnce = 50;
const keys = Array.from({ length: 8 }, (_, index) => `key-${index}`);

/** Answers with the prompt, in pieces between which other requests go on. */
class EchoEngine extends FakeEngine {
  override async *generate(
    request: GenerationRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<GenerationEvent> {
    for await (const event of new FakeEngine(this.detokenize(request.prompt)).generate(request, signal)) {
      await setImmediate();
      yield event;
    }
  }
}

/** Twelve hexadecimal digits. */
const toSecret = (index: number) => createHash('sha256').update(String(index)).digest('hex').slice(0, 12);

/** What a client may send of its secret: in what is answered, and in what is refused. */
function toRequests(secret: string): { path: string; body: unknown; headers?: Record<string, string> }[] {
  const messages = [{ role: 'user', content: secret }];
  const schema = { type: 'object', properties: { [secret]: { type: 'string', pattern: `^${secret}(` } } };
  return [
    { path: '/v1/completions', body: { prompt: secret } },
    { path: '/v1/completions', body: { prompt: secret, stream: true, logprobs: 3 } },
    { path: '/v1/chat/completions', body: { messages } },
    { path: '/v1/chat/completions', body: { messages, stream: true } },
    { path: '/v1/responses', body: { input: secret } },
    { path: '/v1/messages', body: { messages, max_tokens: 50 } },
    { path: '/completion', body: { prompt: secret } },
    { path: '/tokenize', body: { content: secret } },
    { path: '/v1/embeddings', body: { input: secret } },
    { path: '/v1/completions', body: { prompt: secret, max_tokens: secret } },
    { path: '/v1/completions', body: { prompt: secret, [secret]: secret } },
    { path: '/v1/completions', body: { prompt: secret, grammar: `root ::= ${secret}` } },
    {
      path: '/v1/chat/completions',
      body: { messages, response_format: { type: 'json_schema', json_schema: { schema } } },
    },
    { path: '/v1/chat/completions', body: { messages: [{ role: secret, content: secret }] } },
    { path: `/v1/models/${secret}`, body: {} },
    { path: '/v1/completions', body: { prompt: secret }, headers: { authorization: `Bearer ${secret}` } },
    {
      path: '/v1/completions',
      body: { prompt: secret },
      headers: { 'x-note': secret, 'content-type': secret },
    },
  ];
}

let printed: Printed;

beforeEach(() => {
  printed = catchPrinted();
});

afterEach(() => vi.restoreAllMocks());

it('keeps what one request says from all others, the log and the metrics', async () => {
  const engine = new EchoEngine('', { contextSize: 4096 });
  const metrics = createMetrics(engine);
  const telemetry = new Telemetry({ reporter: requestReporter, metrics });
  const service: Service = {
    engine,
    model,
    chatTemplate: templates.chatMl,
    embedder: new FakeEmbedder({ type: 'embed', dimensions: 4, matryoshka: false }),
    apiKey: readApiKeySource({ API_KEYS: keys.join(',') }),
    separatesCaches: true,
    telemetry,
  };
  const secrets = new Map(Array.from({ length: count }, (_, index) => [toSecret(index), index]));
  const kinds = fc.sample(fc.nat(), { seed: 1, numRuns: count });
  const statuses = new Map<number, number>();
  let own = 0;

  const ask = async (index: number) => {
    const requests = toRequests(toSecret(index));
    const { path, body, headers } = requests[(kinds[index] ?? 0) % requests.length] ?? {
      path: '/',
      body: {},
    };
    const authorization = `Bearer ${keys[index % keys.length]}`;
    const observation = telemetry.begin({ id: `id-${index}`, request: { method: 'POST', path: '' } });
    const { signal } = new AbortController();
    const http = {
      method: 'POST',
      path,
      headers: { authorization, ...headers },
      body: Buffer.from(JSON.stringify(body)),
    };
    const context = toRequestContext(observation, { tenant: '', signal });
    const response = await toWholeResponse(await answer(http, service, context));
    const whole = JSON.stringify(response.headers) + response.body;
    observation.end();
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    const found = (whole.match(/[0-9a-f]{12}/g) ?? []).flatMap((each) => secrets.get(each) ?? []);
    if (found.includes(index)) own += 1;
    expect(found.filter((each) => each !== index)).toEqual([]);
  };
  let next = 0;
  const client = async () => {
    while (next < count) await ask(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, client));

  const elsewhere = `${printed.text}${(await metrics.expose()).text}`;
  expect((elsewhere.match(/[0-9a-f]{12}/g) ?? []).filter((each) => secrets.has(each))).toEqual([]);
  // Most answers have their own secret, and those that are refused too are among them.
  expect(own).toBeGreaterThan(count / 3);
  expect([...statuses.keys()].sort()).toEqual([200, 400, 401, 405]);
}, 60_000);
