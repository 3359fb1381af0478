// A streamed answer on port 8000, read with plain fetch, arrives while it is generated.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CompletionChunk } from '../../src/api/completions/completion.ts';
import { type FrontProcess, startFrontProcess } from '../model/front-process.ts';
import { readPieces, toEvents } from '../model/streamed-answer.ts';

let front: FrontProcess;
let origin: string;

beforeAll(async () => {
  // One thread, because on a busy machine two threads that wait for each other take seconds per token.
  front = await startFrontProcess({ THREADS: '1' });
  origin = new URL(front.url).origin;
});

afterAll(async () => {
  await front.end('SIGTERM');
});

// A pause of the machine at the first token can fail one run. A buffered answer fails all runs.
it('a stream starts in the first quarter of its time', { retry: 2 }, async () => {
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
