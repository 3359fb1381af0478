// Messages of a queue: each is one line of a batch, and its answer an object named after its `custom_id`.
import { createHash, randomInt } from 'node:crypto';
import { ChangeMessageVisibilityCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { RequestError } from '../errors/request-error.ts';
import type { Service } from '../http/service.ts';
import type { AnswerLinesOptions, NumberedLine } from './answer-lines.ts';
import { answerLines } from './answer-lines.ts';
import { parseBatchLine } from './batch-line.ts';
import { toQueueAnswerKey } from './batch-objects.ts';
import type { ObjectStore } from './object-store.ts';

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

/** Seconds until a message comes again whose answer could not be kept; each time so many more. */
const pauseSeconds = 30;

/**
 * Answers messages, each once however often it is delivered, and tells which are to be delivered again: those that are no
 * requests or have another one's `custom_id`, which end in the dead-letter queue, those whose answer could not be kept, and
 * those that there was no time for. They come again soon, and not only when the queue would show them again. Messages
 * that came before are answered one after the other, in any order: one of them may have ended the environment.
 */
export async function answerMessages(
  records: readonly SQSRecord[],
  store: ObjectStore,
  service: Service,
  { sqs, queueUrl, ...options }: QueueOptions,
): Promise<SQSBatchResponse> {
  /** Seconds until each is to be visible again. */
  const failed = new Map<SQSRecord, number>();
  const soon = (record: SQSRecord) => pauseSeconds * Number(record.attributes.ApproximateReceiveCount);
  const messages: Message[] = [];
  await Promise.all(
    records.map(async (record, number) => {
      try {
        const message = toMessage(record, number);
        if (!(await isAnswered(message, store))) messages.push(message);
      } catch (error) {
        options.log(error);
        // A wrong one is wrong each time.
        failed.set(record, error instanceof RequestError ? 0 : soon(record));
      }
    }),
  );
  const cameBefore = messages.some(({ record }) => Number(record.attributes.ApproximateReceiveCount) > 1);
  if (cameBefore) shuffle(messages);

  const { handedBack } = await answerLines(messages, service, {
    ...options,
    alone: cameBefore,
    keep: async (message, result) => {
      try {
        const { key, sha256 } = message;
        const outcome = await store.create(key, JSON.stringify(result), { sha256 });
        if (outcome === 'was-there') await isAnswered(message, store);
      } catch (error) {
        options.log(error);
        failed.set(message.record, error instanceof RequestError ? 0 : soon(message.record));
      }
    },
  });

  for (const { record } of handedBack) failed.set(record, 0);
  for (const [{ receiptHandle }, VisibilityTimeout] of failed) {
    const input = { QueueUrl: queueUrl, ReceiptHandle: receiptHandle, VisibilityTimeout };
    // Else it is visible again when its time is over.
    await sqs.send(new ChangeMessageVisibilityCommand(input)).catch(options.log);
  }
  return { batchItemFailures: [...failed.keys()].map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

/** @throws {RequestError} when the message is no line of a batch */
function toMessage(record: SQSRecord, number: number): Message {
  const text = Buffer.from(record.body);
  const { custom_id } = parseBatchLine(text);
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { number, text, record, key: toQueueAnswerKey(custom_id), sha256 };
}

/** @throws {RequestError} when another request's answer lies there */
async function isAnswered({ key, sha256, record }: Message, store: ObjectStore): Promise<boolean> {
  const metadata = await store.find(key);
  if (metadata === undefined) return false;
  if (metadata.sha256 === sha256) return true;
  throw new RequestError(
    'duplicate_custom_id',
    `Message ${record.messageId} has the custom_id of another request, whose answer is ${key}.`,
  );
}

function shuffle(messages: Message[]): void {
  for (let last = messages.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [messages[last], messages[other]] = [messages[other] as Message, messages[last] as Message];
  }
}
