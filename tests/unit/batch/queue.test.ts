import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { answerMessages } from '../../../src/batch/queue.ts';
import { FakeEngine } from '../fake-engine.ts';
import { MemoryStore } from './memory-store.ts';
import { toLine, toOptions, toService } from './requests.ts';

const sqs = mockClient(SQSClient);
const queueUrl = 'https://sqs.eu-central-1.example/queue';

beforeEach(() => {
  sqs.reset();
  sqs.on(ChangeMessageVisibilityCommand).resolves({});
});

async function answer(
  bodies: readonly string[],
  {
    engine = new FakeEngine(),
    store = new MemoryStore(),
    receiveCount = 1,
    ...overrides
  }: {
    engine?: FakeEngine;
    store?: MemoryStore;
    receiveCount?: number | readonly number[];
  } & Parameters<typeof toOptions>[0] = {},
) {
  const records = bodies.map(
    (body, index) =>
      ({
        messageId: `m${index}`,
        receiptHandle: `r${index}`,
        body,
        attributes: { ApproximateReceiveCount: String([receiveCount].flat()[index] ?? receiveCount) },
      }) as SQSRecord,
  );
  const { options, logged } = toOptions(overrides);
  const { batchItemFailures } = await answerMessages(records, store, toService(engine), {
    ...options,
    sqs: new SQSClient({}),
    queueUrl,
  });
  return { failures: batchItemFailures.map(({ itemIdentifier }) => itemIdentifier), store, logged, engine };
}

/** Returns the visibility timeouts that were set, in seconds, by receipt handle. */
function visibilities() {
  const inputs = sqs.commandCalls(ChangeMessageVisibilityCommand).map(({ args: [{ input }] }) => input);
  for (const { QueueUrl } of inputs) expect(QueueUrl).toBe(queueUrl);
  return Object.fromEntries(
    inputs.map(({ ReceiptHandle, VisibilityTimeout }) => [ReceiptHandle, VisibilityTimeout]),
  );
}

/** Returns the ids of answered messages, the first answer first. */
function answersOf({ objects }: MemoryStore): string[] {
  return [...objects.keys()].flatMap((key) => /^queue\/(.*)\.json$/.exec(key)?.[1] ?? []);
}

describe('answerMessages', () => {
  it('saves each answer in an object named after the custom_id', async () => {
    const { failures, store } = await answer([toLine('a/b ?'), toLine('c', { prompt: 7 })]);

    expect(failures).toEqual([]);
    expect([...store.objects.keys()].toSorted()).toEqual(['queue/a%2Fb%20%3F.json', 'queue/c.json']);
    expect(JSON.parse(store.text('queue/c.json'))).toMatchObject({
      custom_id: 'c',
      response: { status_code: 400 },
    });
  });

  it('does not answer a redelivered message again', async () => {
    const { store } = await answer([toLine('a')]);
    const first = store.text('queue/a.json');
    const again = await answer([toLine('a'), toLine('a')], { store, engine: new FakeEngine(' another') });

    expect(again.failures).toEqual([]);
    expect(again.engine.requests).toHaveLength(0);
    expect(store.text('queue/a.json')).toBe(first);
  });

  it('saves one answer when a message is delivered twice in one event', async () => {
    const { failures, store } = await answer([toLine('a'), toLine('a')], {
      engine: new FakeEngine([' one', ' other'], { slots: 2 }),
    });

    expect(failures).toEqual([]);
    expect(store.objects.size).toBe(1);
  });

  it('fails invalid messages and reused ids without a pause', async () => {
    const { store } = await answer([toLine('a')]);
    const { failures, logged } = await answer(['{', toLine('a', { max_tokens: 3 }), toLine('b')], { store });

    expect(failures.toSorted()).toEqual(['m0', 'm1']);
    expect(logged.map(String).toSorted()).toEqual([
      'RequestError: Message m1 has the custom_id of another request, answered in queue/a.json: use another custom_id.',
      'RequestError: The request body is not valid JSON at character 1.',
    ]);
    expect(store.objects.has('queue/b.json')).toBe(true);
    expect(visibilities()).toEqual({ r0: 0, r1: 0 });
  });

  it('fails a message whose id cannot be part of a key without a pause', async () => {
    const { failures, logged } = await answer([toLine('\ud800')]);

    expect(failures).toEqual(['m0']);
    expect(logged).toEqual([expect.objectContaining({ name: 'RequestError', code: 'invalid_value' })]);
    expect(visibilities()).toEqual({ r0: 0 });
  });

  it('makes unfinished messages visible at once', async () => {
    const { failures } = await answer([toLine('a'), toLine('b')], { remainingMs: () => -1 });

    expect(failures).toEqual(['m1']);
    expect(visibilities()).toEqual({ r1: 0 });
  });

  it.each(['RequestThrottled', 'AccessDenied', 'QueueDoesNotExist', 'TimeoutError'])(
    'leaves unfinished messages to the visibility timeout of the queue after %s',
    async (name) => {
      sqs.on(ChangeMessageVisibilityCommand).rejects(Object.assign(new Error('Slow down.'), { name }));
      const { failures, logged } = await answer([toLine('a'), toLine('b')], { remainingMs: () => -1 });

      expect(failures).toEqual(['m1']);
      expect(logged.map(String)).toEqual([`${name}: Slow down.`]);
    },
  );

  it('retries only the message whose answer cannot be saved, after a pause', async () => {
    const store = new MemoryStore();
    store.beforeCreate = (key) => {
      if (key === 'queue/a.json') throw Object.assign(new Error('Not yours.'), { name: 'AccessDenied' });
    };
    const { failures, logged } = await answer([toLine('a'), toLine('b')], { store });

    expect(failures).toEqual(['m0']);
    expect(logged.map(String)).toEqual(['AccessDenied: Not yours.']);
    expect(visibilities()).toEqual({ r0: 30 });
    expect(store.objects.has('queue/b.json')).toBe(true);
  });

  it('answers the messages with the most deliveries first', async () => {
    const { failures, store } = await answer(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => toLine(id)),
      { receiveCount: [2, 5, 1, 6, 4, 3] },
    );

    expect(failures).toEqual([]);
    expect(answersOf(store)).toEqual(['d', 'b', 'e', 'f', 'a', 'c']);
  });

  it.each([1, 5, 9])(
    'answers the other messages although %i of ten crash their environments',
    async (deadly) => {
      const ids = Array.from(
        { length: 10 },
        (_, number) => `${number < deadly ? 'deadly' : 'good'}-${number}`,
      );
      const store = new MemoryStore();
      // An environment that crashes answers nothing more, and all messages come again. One more is marked each time.
      for (let delivery = 2; delivery <= 2 + deadly; delivery++) {
        const crashed = Promise.withResolvers<void>();
        const engine: FakeEngine = new FakeEngine(' x', {
          beforeEvent: (generation) => {
            const { prompt = [] } = engine.requests[generation] ?? {};
            if (!engine.detokenize(prompt).startsWith('deadly')) return;
            crashed.resolve();
            return new Promise(() => {});
          },
        });
        void answer(
          ids.map((id) => toLine(id)),
          { store, engine, receiveCount: ids.map((_, number) => delivery + Number(number < deadly)) },
        );
        await crashed.promise;
      }

      expect(answersOf(store).toSorted()).toEqual(ids.slice(deadly));
    },
  );

  it('does not take a message that there was no time for as one that crashes', async () => {
    const store = new MemoryStore();
    const cut = new FakeEngine(' x', { summary: { deadline: true } });
    const { failures } = await answer([toLine('a'), toLine('b')], {
      store,
      engine: cut,
      receiveCount: [3, 2],
    });
    await answer([toLine('c'), toLine('b')], { store, receiveCount: [2, 3] });

    expect(failures).toEqual(['m1']);
    expect(answersOf(store)).toEqual(['a', 'b', 'c']);
  });

  it('answers messages although their markers cannot be saved', async () => {
    const store = new MemoryStore();
    store.beforeCreate = (key) => {
      if (key.startsWith('work/')) throw Object.assign(new Error('Not yours.'), { name: 'AccessDenied' });
    };
    const { failures, logged } = await answer([toLine('a')], { store, receiveCount: 2 });

    expect(failures).toEqual([]);
    expect(logged.map(String)).toContain('AccessDenied: Not yours.');
    expect(answersOf(store)).toEqual(['a']);
  });

  it('answers redelivered messages one at a time', async () => {
    const bodies = ['a', 'b', 'c'].map((id) => toLine(id));
    const once = new FakeEngine(' x', { slots: 3, beforeEvent: () => Promise.resolve() });
    const twice = new FakeEngine(' x', { slots: 3, beforeEvent: () => Promise.resolve() });

    expect(await answer(bodies, { engine: once })).toMatchObject({ failures: [] });
    expect(await answer(bodies, { engine: twice, receiveCount: 2 })).toMatchObject({ failures: [] });
    expect([once.mostOpen, twice.mostOpen]).toEqual([3, 1]);
  });
});
