import { expect, it } from 'vitest';
import { Invocations } from '../../../src/lambda/invocations.ts';
import { Telemetry } from '../../../src/telemetry/telemetry.ts';
import { fakeContext } from './fake-context.ts';

it('makes only the first invocation of an environment a cold start, even when several run at once', () => {
  const invocations = new Invocations();
  const contexts = [fakeContext('a'), fakeContext('b'), fakeContext('c')];
  for (const context of contexts) invocations.begin(context);

  expect(contexts.map((context) => invocations.toRequestContext(context).coldStart)).toEqual([
    true,
    false,
    false,
  ]);
});

it('makes every request of the first invocation a cold start', () => {
  const invocations = new Invocations();
  const context = fakeContext('a');
  invocations.begin(context);

  expect(invocations.toRequestContext(context, { id: 'a-1' })).toMatchObject({ id: 'a-1', coldStart: true });
  expect(invocations.toRequestContext(context, { id: 'a-2' })).toMatchObject({ id: 'a-2', coldStart: true });
});

it.each([
  { longestMs: 1000, leftMs: 3000, expectedMs: 1000 },
  { longestMs: 1000, leftMs: 500, expectedMs: 500 },
  { longestMs: undefined, leftMs: 3000, expectedMs: 3000 },
])(
  'gives a request $expectedMs ms where $leftMs are left and the longest are $longestMs',
  ({ longestMs, leftMs, expectedMs }) => {
    const before = performance.now();
    const { endBy = 0 } = new Invocations({ longestMs }).toRequestContext(fakeContext('a', leftMs));
    const elapsed = performance.now() - before;

    expect(endBy - before).toBeGreaterThan(expectedMs - 200);
    expect(endBy - before).toBeLessThanOrEqual(expectedMs + elapsed);
  },
);

it('sees no cold start under provisioned concurrency, in the context and in the report', () => {
  const reports: boolean[] = [];
  const telemetry = new Telemetry({
    initializedAhead: true,
    reporter: {
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      logOf: () => ({ debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }),
      report: ({ coldStart }) => void reports.push(coldStart),
    },
  });
  const invocations = new Invocations({ telemetry });
  const context = fakeContext('a');
  const observation = invocations.begin(context);
  observation.end();

  expect(invocations.toRequestContext(context).coldStart).toBe(false);
  expect(reports).toEqual([false]);
});
