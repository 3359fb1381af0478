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
    receiveCount?: number;
  } & Parameters<typeof toOptions>[0] = {},
) {
  const records = bodies.map(
    (body, index) =>
      ({
        messageId: `m${index}`,
        receiptHandle: `r${index}`,
        body,
        attributes: { ApproximateReceiveCount: String(receiveCount) },
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

/** Seconds until messages are visible again, by their handles. */
function visibilities() {
  const inputs = sqs.commandCalls(ChangeMessageVisibilityCommand).map(({ args: [{ input }] }) => input);
  for (const { QueueUrl } of inputs) expect(QueueUrl).toBe(queueUrl);
  return Object.fromEntries(
    inputs.map(({ ReceiptHandle, VisibilityTimeout }) => [ReceiptHandle, VisibilityTimeout]),
  );
}

describe('messages of a queue', () => {
  it('are answered into objects named after their ids', async () => {
    const { failures, store } = await answer([toLine('a/b ?'), toLine('c', { prompt: 7 })]);

    expect(failures).toEqual([]);
    expect([...store.objects.keys()].toSorted()).toEqual(['queue/a%2Fb%20%3F.json', 'queue/c.json']);
    expect(JSON.parse(store.text('queue/c.json'))).toMatchObject({
      custom_id: 'c',
      response: { status_code: 400 },
    });
  });

  it('that are delivered again are not answered again', async () => {
    const { store } = await answer([toLine('a')]);
    const first = store.text('queue/a.json');
    const again = await answer([toLine('a'), toLine('a')], { store, engine: new FakeEngine(' another') });

    expect(again.failures).toEqual([]);
    expect(again.engine.requests).toHaveLength(0);
    expect(store.text('queue/a.json')).toBe(first);
  });

  it('that came twice at once have one answer', async () => {
    const { failures, store } = await answer([toLine('a'), toLine('a')], {
      engine: new FakeEngine([' one', ' other'], { slots: 2 }),
    });

    expect(failures).toEqual([]);
    expect(store.objects.size).toBe(1);
  });

  it('that are no requests, or take the id of another one, are left to the dead-letter queue', async () => {
    const { store } = await answer([toLine('a')]);
    const { failures, logged } = await answer(['{', toLine('a', { max_tokens: 3 }), toLine('b')], { store });

    expect(failures.toSorted()).toEqual(['m0', 'm1']);
    expect(logged.map(String).toSorted()).toEqual([
      'RequestError: Message m1 has the custom_id of another request, whose answer is queue/a.json.',
      'RequestError: The request body is not valid JSON at character 1.',
    ]);
    expect(store.objects.has('queue/b.json')).toBe(true);
    expect(visibilities()).toEqual({ r0: 0, r1: 0 });
  });

  it('whose ids no key can be named after are left to the dead-letter queue', async () => {
    const { failures, logged } = await answer([toLine('\ud800')]);

    expect(failures).toEqual(['m0']);
    expect(logged).toEqual([expect.objectContaining({ name: 'RequestError', code: 'invalid_value' })]);
    expect(visibilities()).toEqual({ r0: 0 });
  });

  it('that there was no time for are visible again at once', async () => {
    const { failures } = await answer([toLine('a'), toLine('b')], { remainingMs: () => -1 });

    expect(failures).toEqual(['m1']);
    expect(visibilities()).toEqual({ r1: 0 });
  });

  it.each(['RequestThrottled', 'AccessDenied', 'QueueDoesNotExist', 'TimeoutError'])(
    'come again when their time is over, if they cannot be made visible: %s',
    async (name) => {
      sqs.on(ChangeMessageVisibilityCommand).rejects(Object.assign(new Error('Slow down.'), { name }));
      const { failures, logged } = await answer([toLine('a'), toLine('b')], { remainingMs: () => -1 });

      expect(failures).toEqual(['m1']);
      expect(logged.map(String)).toEqual([`${name}: Slow down.`]);
    },
  );

  it('whose answers cannot be kept are delivered again, alone', async () => {
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

  it('that came before are answered one after the other', async () => {
    const bodies = ['a', 'b', 'c'].map((id) => toLine(id));
    const once = new FakeEngine(' x', { slots: 3, beforeEvent: () => Promise.resolve() });
    const twice = new FakeEngine(' x', { slots: 3, beforeEvent: () => Promise.resolve() });

    expect(await answer(bodies, { engine: once })).toMatchObject({ failures: [] });
    expect(await answer(bodies, { engine: twice, receiveCount: 2 })).toMatchObject({ failures: [] });
    expect([once.mostOpen, twice.mostOpen]).toEqual([3, 1]);
  });
});
