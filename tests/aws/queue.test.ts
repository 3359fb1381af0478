// Answers messages of a queue in moto with a real runtime. The test itself acts as Lambda's event source mapping.
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSBatchResponse } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchResult } from '../../src/batch/batch-result.ts';
import { Environments } from './environments.ts';
import { type LocalAws, startAws } from './moto.ts';

const bucket = 'answers-of-tests';
let aws: LocalAws;
let sqs: SQSClient;
let s3: S3Client;
let queueUrl: string;
let deadLettersUrl: string;
let functions: Environments;

beforeAll(async () => {
  aws = await startAws({}, () => {});
  sqs = new SQSClient(aws.settings);
  s3 = new S3Client(aws.settings);
  await s3.send(
    new CreateBucketCommand({
      Bucket: bucket,
      CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' },
    }),
  );
  deadLettersUrl = (await sqs.send(new CreateQueueCommand({ QueueName: 'dead-letters' }))).QueueUrl ?? '';
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: deadLettersUrl, AttributeNames: ['QueueArn'] }),
  );
  const redrive = { deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: 2 };
  // No visibility timeout, so that failed messages are redelivered at once.
  const created = await sqs.send(
    new CreateQueueCommand({
      QueueName: 'lines',
      Attributes: { VisibilityTimeout: '0', RedrivePolicy: JSON.stringify(redrive) },
    }),
  );
  queueUrl = created.QueueUrl ?? '';
  functions = new Environments('batch', 1, () => ({
    ...aws.env,
    BATCH_BUCKET: bucket,
    BATCH_QUEUE_URL: queueUrl,
    SLOTS: '4',
    THREADS: '1',
  }));
}, 300_000);

afterAll(async () => {
  await functions?.end();
  await aws?.close();
});

function toLine(id: string, body: object = {}): string {
  return JSON.stringify({
    custom_id: id,
    method: 'POST',
    url: '/v1/completions',
    body: { prompt: `${id} is`, max_tokens: 2, ...body },
  });
}

/** Converts messages to a Lambda event. */
function toEvent(messages: readonly Message[]) {
  return {
    Records: messages.map(({ MessageId, ReceiptHandle, Body }) => ({
      messageId: MessageId,
      receiptHandle: ReceiptHandle,
      body: Body,
      attributes: {},
      messageAttributes: {},
      eventSource: 'aws:sqs',
    })),
  };
}

/** Delivers messages until the queue is empty, and deletes successful ones. Returns the number of deliveries. */
async function deliverAll(): Promise<number> {
  let delivered = 0;
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) return delivered;
    delivered += Messages.length;
    const { payload, failed } = await functions.invoke(toEvent(Messages));
    // A failed invocation deletes no messages.
    if (failed) continue;
    const failures = (JSON.parse(payload) as SQSBatchResponse).batchItemFailures.map(
      ({ itemIdentifier }) => itemIdentifier,
    );
    const done = Messages.filter(({ MessageId }) => !failures.includes(String(MessageId)));
    if (done.length === 0) continue;
    const Entries = done.map(({ MessageId, ReceiptHandle }) => ({ Id: MessageId, ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  }
}

describe('the batch queue', () => {
  it('answers every line once and moves an invalid message to the dead-letter queue', async () => {
    const bodies = [
      ...Array.from({ length: 8 }, (_, index) => toLine(`line-${index}`)),
      toLine('line-3'),
      '{"custom_id": "br',
    ];
    const Entries = bodies.map((MessageBody, index) => ({ Id: `m${index}`, MessageBody }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));

    const delivered = await deliverAll();

    // Ten messages; the invalid one is delivered twice.
    expect(delivered).toBe(11);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    expect(Contents.map(({ Key }) => Key)).toEqual(
      Array.from({ length: 8 }, (_, index) => `queue/line-${index}.json`),
    );
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'queue/line-3.json' }));
    expect(JSON.parse((await Body?.transformToString()) ?? '') as BatchResult).toMatchObject({
      custom_id: 'line-3',
      response: { status_code: 200, body: { object: 'text_completion' } },
    });
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: deadLettersUrl }));
    expect(Messages).toMatchObject([{ Body: '{"custom_id": "br' }]);
  }, 120_000);
});
