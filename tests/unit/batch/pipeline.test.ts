// Runs the functions `batch` and `batch-files` with the events in events/.
import { readFileSync } from 'node:fs';
import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { describe, expect, it, vi } from 'vitest';
import { definePipeline as defineFilesPipeline } from '../../../src/batch/files/pipeline.ts';
import { definePipeline } from '../../../src/batch/pipeline.ts';
import { readEvent } from '../../events.ts';
import { FakeEngine } from '../fake-engine.ts';
import { MemoryStore } from './memory-store.ts';
import { toLine, toService } from './requests.ts';

const sqs = mockClient(SQSClient);

function toContext(remainingMs = 900_000): Context {
  return {
    awsRequestId: 'a1',
    functionName: 'batch',
    getRemainingTimeInMillis: () => remainingMs,
  } as Context;
}

function start(store = new MemoryStore(), engine = new FakeEngine()) {
  const resources = { store, sqs: new SQSClient({}), queueUrl: 'https://sqs.example/lines' };
  const handler = definePipeline({ ...toService(engine), model: 'fake' }, resources);
  const invoke = (event: unknown, context = toContext()) => handler(event as never, context);
  return { store, engine, invoke };
}

describe('the function batch', () => {
  it('answers queue messages', async () => {
    const { store, invoke } = start();

    expect(await invoke(readEvent('sqs'))).toEqual({ batchItemFailures: [] });
    expect(JSON.parse(store.text('queue/capital-of-france.json'))).toMatchObject({
      id: 'batch_req_a1-0',
      response: { status_code: 200, request_id: 'a1-0' },
    });
  });

  it('answers a chunk that batch-files has split', async () => {
    const input = readFileSync('events/batch.jsonl', 'utf8').split('\n')[0] ?? '';
    const store = new MemoryStore().with('batches/example/input.jsonl', `${input}\n${toLine('second')}\n`);
    await defineFilesPipeline(store)(readEvent('batch-split') as never, toContext());
    const [chunk] = JSON.parse(store.text('work/example/chunks.json'));
    const { invoke } = start(store);

    expect(await invoke({ batch: 'example', chunk })).toEqual({ remaining: 0, alone: false });
    expect(store.text('work/example/parts/0000000000.jsonl').trimEnd().split('\n')).toHaveLength(2);
  });

  it('reserves time for results and returns the remaining messages', async () => {
    sqs.on(ChangeMessageVisibilityCommand).resolves({});
    const { Records } = readEvent('sqs') as { Records: { messageId: string; body: string }[] };
    const both = { Records: [...Records, { ...Records[0], messageId: 'second', body: toLine('second') }] };

    expect(await start().invoke(both, toContext(4_000))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'second' }],
    });
  });

  it('logs an internal error and hides it from the state machine', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});

    await expect(start().invoke(readEvent('batch-chunk'))).rejects.toMatchObject({ name: 'server_error' });
    expect(String(log.mock.calls[0]?.[0])).toContain('There is no batches/example/input.jsonl.');
    log.mockRestore();
  });

  it('answers warm-up pings', async () => {
    expect(await start().invoke(readEvent('warmup'))).toBe('warmup');
  });
});
