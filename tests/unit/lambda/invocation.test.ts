import { expect, it } from 'vitest';
import { InvocationCounter } from '../../../src/lambda/invocation.ts';
import { fakeContext } from './fake-context.ts';

it("an environment's first invocation is told from others that begin before it is asked", () => {
  const counter = new InvocationCounter();
  const contexts = [fakeContext('a'), fakeContext('b'), fakeContext('c')];
  for (const context of contexts) counter.increment({ context });

  expect(contexts.map((context) => counter.toInvocation(context).coldStart)).toEqual([true, false, false]);
});

it('the parts of an invocation are as cold as it is', () => {
  const counter = new InvocationCounter();
  const context = fakeContext('a');
  const part = { ...context, awsRequestId: 'a-1' };
  counter.increment({ context });

  expect(counter.toInvocation(part).coldStart).toBe(true);
});
