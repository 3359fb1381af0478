// An invocation that the front of port 8000 has admitted: it has counted the request, and the tokens are still to be counted. On Lambda
// whoever invokes writes the client context.
import type { Context } from 'aws-lambda';
import { expect, it } from 'vitest';
import { toCallerName } from '../../../src/http/admission.ts';
import { RateLimit } from '../../../src/http/rate-limit.ts';
import { TokenBudget } from '../../../src/http/token-budget.ts';
import { definePipeline } from '../../../src/lambda/completion-pipeline.ts';
import { readEvent } from '../../events.ts';
import { templates } from '../chat/templates.ts';
import { FakeEngine } from '../fake-engine.ts';
import { fakeContext } from './fake-context.ts';

const model = 'fake-1b';

function admitted(caller: string): Context {
  const clientContext = { custom: { 'gguf-lambda-caller': caller } };
  return { ...fakeContext(), clientContext } as unknown as Context;
}

it("spends its tokens of the caller's budget", async () => {
  const tokenBudget = new TokenBudget(10, 'day');
  const handler = definePipeline({ engine: new FakeEngine(), model, tokenBudget, isBehindFront: true });
  await handler({ prompt: 'Hello', max_tokens: 7 }, admitted('one'));

  expect(() => tokenBudget.assertLeft('one')).toThrow('has used them');
  tokenBudget.assertLeft('other');
  tokenBudget.assertLeft('');
});

it('is not counted once more for the HTTP request that it may be', async () => {
  const rateLimit = new RateLimit(1);
  const handler = definePipeline({ engine: new FakeEngine(), model, rateLimit, isBehindFront: true });
  const statuses = [];
  for (let count = 0; count < 2; count += 1) {
    const answer = await handler(readEvent('function-url'), admitted('one'));
    statuses.push((answer as { statusCode: number }).statusCode);
  }

  expect(statuses).toEqual([200, 200]);
});

it('has no limit where another one than the front invokes', async () => {
  const tokenBudget = new TokenBudget(1, 'day');
  const handler = definePipeline({
    engine: new FakeEngine(),
    model,
    tokenBudget,
    rateLimit: new RateLimit(1),
  });
  for (let count = 0; count < 2; count += 1) {
    expect(await handler({ prompt: 'Hello' }, fakeContext())).toMatchObject({ object: 'text_completion' });
  }
});

const identity = { requestContext: { authorizer: { iam: { userArn: 'arn:one' } } } };

/** An HTTP event with a chat, and fields that its sender adds. */
function chatEvent(fields: { requestContext?: object; headers?: object } = {}) {
  const event = readEvent('function-url-chat') as { requestContext: object; headers: object; body: string };
  return {
    ...event,
    requestContext: { ...event.requestContext, ...fields.requestContext },
    headers: { ...event.headers, ...fields.headers },
  };
}

it('charges nobody on Lambda, where a client context may name anyone', async () => {
  const tokenBudget = new TokenBudget(10, 'day');
  const victim = toCallerName({ headers: {}, tenant: 'arn:victim' });
  const handler = definePipeline({ engine: new FakeEngine(), model, tokenBudget });
  await handler({ prompt: 'Hello', max_tokens: 7 }, admitted(victim));
  tokenBudget.assertLeft(victim);

  await handler(readEvent('function-url'), admitted(victim));
  tokenBudget.assertLeft(victim);
});

it('is counted as an HTTP event on Lambda, whatever its client context names', async () => {
  const handler = definePipeline({ engine: new FakeEngine(), model, rateLimit: new RateLimit(1) });
  const statuses = [];
  for (let count = 0; count < 2; count += 1) {
    const answer = await handler(readEvent('function-url'), admitted('one'));
    statuses.push((answer as { statusCode: number }).statusCode);
  }

  expect(statuses).toEqual([200, 429]);
});

it.each([
  ['a direct invoke behind the front', true, undefined, 'one'],
  [
    'an HTTP event behind the front',
    true,
    chatEvent({ headers: { authorization: 'Bearer a' } }),
    'key Bearer a',
  ],
  ['an HTTP event behind the front with an identity', true, chatEvent(identity), 'key '],
  ['a direct invoke on Lambda', false, undefined, ''],
  ['an HTTP event on Lambda with an identity', false, chatEvent(identity), 'caller arn:one'],
])('leaves its conversation to its caller: %s', async (_, isBehindFront, httpEvent, tenant) => {
  const engine = new FakeEngine('Yes.', { contextSize: 2048 });
  const event = httpEvent ?? { messages: [{ role: 'user', content: 'Hi' }] };
  const name = (JSON.parse(chatEvent().body) as { model: string }).model;
  const handler = definePipeline({ engine, model: name, chatTemplate: templates.chatMl, isBehindFront });
  await handler(event, admitted('one'));

  expect(engine.requests[0]?.turn?.tenant).toBe(tenant);
});

it.each(['one', 'other'])('has a cache of its own: %s', async (caller) => {
  const engine = new FakeEngine();
  const handler = definePipeline({ engine, model, separatesCaches: true, isBehindFront: true });
  await handler({ prompt: 'Hello' }, admitted(caller));

  expect(engine.requests[0]).toMatchObject({ cacheScope: caller });
});
