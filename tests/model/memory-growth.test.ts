// The memory of a runtime that answers requests whose native objects are all different: grammars, schemas, tools, aborted streams.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FrontProcess, startFrontProcess } from './front-process.ts';

let front: FrontProcess;
let origin: string;

const post = (path: string, body: object) =>
  fetch(`${origin}${path}`, { method: 'POST', body: JSON.stringify(body) });

const messages = [{ role: 'user', content: 'Hi' }];

/** A request of each kind, with names that no other round has. */
async function askAll(round: number): Promise<void> {
  const name = `name_${round}`;
  const parameters = { type: 'object', properties: { [name]: { type: 'string' } }, required: [name] };
  const whole = [
    post('/v1/completions', {
      prompt: 'Hi',
      max_tokens: 2,
      grammar: `root ::= "${name}" [a-z]* ("x" | "y")*`,
    }),
    post('/v1/completions', { prompt: 'Hi', max_tokens: 2, json_schema: parameters, logprobs: 5, n: 2 }),
    post('/v1/chat/completions', {
      messages,
      max_tokens: 2,
      tools: [{ type: 'function', function: { name, parameters } }],
      tool_choice: 'required',
    }),
    post('/v1/chat/completions', { messages: [{ role: 'user', content: { name } }] }),
  ];
  for (const response of await Promise.all(whole)) await response.arrayBuffer();
  const stream = await post('/v1/chat/completions', { messages, max_tokens: 50, stream: true });
  await stream.body?.cancel();
}

function readMegabytes(): number {
  const [runtime] = front.runtimePids();
  return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${runtime}/status`, 'utf8'))?.[1]) / 1024;
}

// One slot has a native loop, and several share their decodes.
describe.each(['1', '2'])('with SLOTS=%s', (slots) => {
  beforeAll(async () => {
    // A small young generation, so that what JavaScript leaves behind is collected soon.
    front = await startFrontProcess({
      SLOTS: slots,
      CONTEXT_SIZE: '512',
      CACHE_MB: '4',
      NODE_OPTIONS: '--max-semi-space-size=2',
    });
    ({ origin } = new URL(front.url));
  });

  afterAll(() => front.end('SIGTERM'));

  it('does not grow with the number of requests', async () => {
    const rounds = 8;
    for (let round = 0; round < rounds; round++) await askAll(round);
    const before = readMegabytes();
    for (let round = rounds; round < 4 * rounds; round++) await askAll(round);
    // An object of 0.2 MB that each request leaves behind would make it 24.
    expect(readMegabytes() - before).toBeLessThan(16);
  }, 300_000);
});
