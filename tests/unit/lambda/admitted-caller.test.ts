// An invocation that the front of port 8000 has admitted: it has counted the request, and the tokens are still to be counted.
import type { Context } from 'aws-lambda';
import { expect, it } from 'vitest';
import { RateLimit } from '../../../src/http/rate-limit.ts';
import { TokenBudget } from '../../../src/http/token-budget.ts';
import { definePipeline } from '../../../src/lambda/completion-pipeline.ts';
import { readEvent } from '../../events.ts';
import { FakeEngine } from '../fake-engine.ts';
import { fakeContext } from './fake-context.ts';

const model = 'fake-1b';

function admitted(caller: string): Context {
  const clientContext = { custom: { 'gguf-lambda-caller': caller } };
  return { ...fakeContext(), clientContext } as unknown as Context;
}

it("spends its tokens of the caller's budget", async () => {
  const tokenBudget = new TokenBudget(10, 'day');
  const handler = definePipeline({ engine: new FakeEngine(), model, tokenBudget });
  await handler({ prompt: 'Hello', max_tokens: 7 }, admitted('one'));

  expect(() => tokenBudget.assertLeft('one')).toThrow('has used them');
  tokenBudget.assertLeft('other');
  tokenBudget.assertLeft('');
});

it('is not counted once more for the HTTP request that it may be', async () => {
  const rateLimit = new RateLimit(1);
  const handler = definePipeline({ engine: new FakeEngine(), model, rateLimit });
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
