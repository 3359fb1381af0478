// Messages of a queue: each is one line of a batch, and its answer an object named after its `custom_id`.
import { createHash } from 'node:crypto';
import { ChangeMessageVisibilityCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import type { AnswerLinesOptions, NumberedLine } from '../shared/batch/answer-lines.ts';
import { answerLines } from '../shared/batch/answer-lines.ts';
import { parseBatchLine } from '../shared/batch/batch-line.ts';
import { toQueueAnswerKey } from '../shared/batch/batch-objects.ts';
import type { ObjectStore } from '../shared/batch/object-store.ts';
import type { Service } from '../shared/routes/service.ts';

interface Message extends NumberedLine {
  readonly record: SQSRecord;
  readonly key: string;
  /** Of the whole line: tells another delivery from another request. */
  readonly sha256: string;
}

export interface QueueOptions extends Omit<AnswerLinesOptions, 'keep'> {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
}

/**
 * Answers messages, each once however often it is delivered, and tells which are to be delivered again: those that are no
 * requests or have another one's `custom_id`, which end in the dead-letter queue, those whose answer could not be kept, and
 * those that there was no time for, which are visible again at once.
 */
export async function answerMessages(
  records: readonly SQSRecord[],
  store: ObjectStore,
  service: Service,
  { sqs, queueUrl, ...options }: QueueOptions,
): Promise<SQSBatchResponse> {
  const failed = new Set<SQSRecord>();
  const messages: Message[] = [];
  await Promise.all(
    records.map(async (record, number) => {
      try {
        const message = toMessage(record, number);
        if (!(await isAnswered(message, store))) messages.push(message);
      } catch (error) {
        options.log(error);
        failed.add(record);
      }
    }),
  );
  messages.sort((one, other) => one.number - other.number);
  const byNumber = new Map(messages.map((message) => [message.number, message]));

  const handedBack = await answerLines(messages, service, {
    ...options,
    keep: async ({ number }, result) => {
      const message = byNumber.get(number);
      if (message === undefined) return;
      try {
        const { key, sha256 } = message;
        const outcome = await store.create(key, JSON.stringify(result), { sha256 });
        if (outcome === 'was-there') await isAnswered(message, store);
      } catch (error) {
        options.log(error);
        failed.add(message.record);
      }
    },
  });

  for (const number of handedBack) {
    const record = byNumber.get(number)?.record;
    if (record === undefined) continue;
    failed.add(record);
    const input = { QueueUrl: queueUrl, ReceiptHandle: record.receiptHandle, VisibilityTimeout: 0 };
    // Else it is visible again when its time is over.
    await sqs.send(new ChangeMessageVisibilityCommand(input)).catch(options.log);
  }
  return { batchItemFailures: [...failed].map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

/** @throws {RequestError} when the message is no line of a batch */
function toMessage(record: SQSRecord, number: number): Message {
  const text = Buffer.from(record.body);
  const { custom_id } = parseBatchLine(text);
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { number, text, record, key: toQueueAnswerKey(custom_id), sha256 };
}

/** @throws when another request's answer lies there */
async function isAnswered({ key, sha256, record }: Message, store: ObjectStore): Promise<boolean> {
  const metadata = await store.find(key);
  if (metadata === undefined) return false;
  if (metadata.sha256 === sha256) return true;
  throw new Error(
    `Message ${record.messageId} has the custom_id of another request, whose answer is ${key}.`,
  );
}
