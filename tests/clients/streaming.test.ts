// A streamed answer on port 8000, read with nothing but fetch: it leaves as it is generated.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CompletionChunk } from '../../src/api/completions/completion.ts';
import { type FrontProcess, startFrontProcess } from '../model/front-process.ts';
import { readPieces, toEvents } from '../model/streamed-answer.ts';

let front: FrontProcess;
let origin: string;

beforeAll(async () => {
  // One thread, for a machine that has others to serve: two that wait for each other take seconds for a token.
  front = await startFrontProcess({ THREADS: '1' });
  origin = new URL(front.url).origin;
});

afterAll(async () => {
  await front.end('SIGTERM');
});

// A machine that stops for a moment at the first token may spoil one run; an answer that is held back, all.
it('begins before a quarter of its time is over', { retry: 2 }, async () => {
  const askedAt = performance.now();
  const response = await fetch(`${origin}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: 128, temperature: 0, stream: true }),
  });
  if (response.body === null) throw new Error('The answer has no body.');
  const events = toEvents(await readPieces(response.body, askedAt));
  const first = events.at(0)?.arrivedAfterMs ?? Number.NaN;
  const last = events.at(-1)?.arrivedAfterMs ?? Number.NaN;
  console.log(`First event after ${first.toFixed(0)} ms of ${last.toFixed(0)} ms`);

  const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data) as CompletionChunk);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(chunks.filter(({ choices }) => choices[0]?.text !== '').length).toBeGreaterThan(100);
  expect(events.at(-1)?.data).toBe('[DONE]');
  expect(first).toBeLessThan(last / 4);
});
