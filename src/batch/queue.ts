// Answers queue messages. Each message is one batch line; its answer is an object named after its `custom_id`.
import { createHash, randomInt } from 'node:crypto';
import { ChangeMessageVisibilityCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { RequestError } from '../errors/request-error.ts';
import type { Service } from '../http/service.ts';
import type { AnswerLinesOptions, NumberedLine } from './answer-lines.ts';
import { answerLines } from './answer-lines.ts';
import { parseBatchLine } from './batch-line.ts';
import { toQueueAnswerKey, toQueueMarkerKey } from './batch-objects.ts';
import type { ObjectStore } from './object-store.ts';
import { StartedLines } from './started-lines.ts';

interface Message extends NumberedLine {
  readonly record: SQSRecord;
  readonly key: string;
  readonly markerKey: string;
  /** Digest of the whole line. It distinguishes a second delivery from another request with the same `custom_id`. */
  readonly sha256: string;
}

export interface QueueOptions extends Omit<AnswerLinesOptions, 'save'> {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
}

/** Seconds until a message is retried after its answer could not be saved, multiplied by its deliveries so far. */
const retrySeconds = 30;

/**
 * Answers messages, and returns those that SQS must deliver again. A message is answered once, even when it is delivered
 * several times. Messages fail in three cases:
 *
 * - An invalid message, or one with the `custom_id` of another request, is retried at once until it reaches the
 *   dead-letter queue.
 * - A message whose answer could not be saved is retried after a pause.
 * - A message that there was no time for is retried at once.
 *
 * Redelivered messages are answered one at a time, because one of them may have crashed its environment. Each is marked
 * before it is started, and one that an environment has crashed on is the last. Of the others, those with the most
 * deliveries are first, so that none reaches the dead-letter queue because there was never time for it. Messages with
 * the same number are in random order.
 */
export async function answerMessages(
  records: readonly SQSRecord[],
  store: ObjectStore,
  service: Service,
  { sqs, queueUrl, ...options }: QueueOptions,
): Promise<SQSBatchResponse> {
  /** Visibility timeout in seconds of each failed message. */
  const failed = new Map<SQSRecord, number>();
  const toRetryDelay = (record: SQSRecord) => retrySeconds * deliveriesOf(record);
  const messages: Message[] = [];
  const started = new StartedLines(store, ({ markerKey }: Message) => markerKey);
  const crashed = new Set<Message>();
  await Promise.all(
    records.map(async (record, number) => {
      try {
        const message = toMessage(record, number);
        if (await isAnswered(message, store)) return;
        if (deliveriesOf(record) > 1 && (await started.hasCrashed(message))) crashed.add(message);
        messages.push(message);
      } catch (error) {
        options.log(error);
        // An invalid message stays invalid, so it goes to the dead-letter queue without pauses.
        failed.set(record, error instanceof RequestError ? 0 : toRetryDelay(record));
      }
    }),
  );
  const isRedelivery = messages.some(({ record }) => deliveriesOf(record) > 1);
  if (isRedelivery) {
    shuffle(messages);
    messages.sort(
      (one, other) =>
        Number(crashed.has(one)) - Number(crashed.has(other)) ||
        deliveriesOf(other.record) - deliveriesOf(one.record),
    );
  }

  const { unfinished } = await answerLines(messages, service, {
    ...options,
    alone: isRedelivery,
    ...(isRedelivery && {
      tryStart: async (message: Message) => {
        await started.tryStart(message).catch(options.log);
        return true;
      },
    }),
    save: async (message, result) => {
      try {
        const { key, sha256 } = message;
        const outcome = await store.create(key, JSON.stringify(result), { sha256 });
        started.finish(message);
        if (outcome === 'exists') await isAnswered(message, store);
      } catch (error) {
        options.log(error);
        failed.set(message.record, error instanceof RequestError ? 0 : toRetryDelay(message.record));
      }
    },
  }).finally(() => started.release().catch(options.log));

  for (const { record } of unfinished) failed.set(record, 0);
  for (const [{ receiptHandle }, VisibilityTimeout] of failed) {
    const input = { QueueUrl: queueUrl, ReceiptHandle: receiptHandle, VisibilityTimeout };
    // If this fails, the message is visible again after the queue's own visibility timeout.
    await sqs.send(new ChangeMessageVisibilityCommand(input)).catch(options.log);
  }
  return { batchItemFailures: [...failed.keys()].map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

/** @throws {RequestError} when the message is not a valid batch line */
function toMessage(record: SQSRecord, number: number): Message {
  const text = Buffer.from(record.body);
  const { custom_id } = parseBatchLine(text);
  const sha256 = createHash('sha256').update(text).digest('hex');
  const [key, markerKey] = [toQueueAnswerKey(custom_id), toQueueMarkerKey(custom_id)];
  return { number, text, record, key, markerKey, sha256 };
}

/** @throws {RequestError} when the key has the answer to another request */
async function isAnswered({ key, sha256, record }: Message, store: ObjectStore): Promise<boolean> {
  const metadata = await store.find(key);
  if (metadata === undefined) return false;
  if (metadata.sha256 === sha256) return true;
  throw new RequestError(
    'duplicate_custom_id',
    `Message ${record.messageId} has the custom_id of another request, answered in ${key}: use another custom_id.`,
  );
}

function deliveriesOf({ attributes }: SQSRecord): number {
  return Number(attributes.ApproximateReceiveCount);
}

function shuffle(messages: Message[]): void {
  for (let last = messages.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [messages[last], messages[other]] = [messages[other] as Message, messages[last] as Message];
  }
}
