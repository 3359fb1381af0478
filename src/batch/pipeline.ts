// The pipeline of the function `batch`: answers chunks from the state machine and messages from the queue.
import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { Service } from '../http/service.ts';
import { assertOwner } from '../lambda/event-owner.ts';
import { Invocations } from '../lambda/invocations.ts';
import { functionMiddlewares } from '../lambda/middlewares.ts';
import type { AnswerLinesOptions } from './answer-lines.ts';
import { answerChunk, type ChunkAnswer, type ChunkEvent } from './chunk.ts';
import { answerMessages } from './queue.ts';
import type { BatchResources } from './resources.ts';

/** Milliseconds at the end of an invocation that are reserved for saving the last results and responding. */
const reservedMs = 5_000;

export function definePipeline(service: Service, { store, sqs, queueUrl }: BatchResources) {
  const invocations = new Invocations({ telemetry: service.telemetry });

  const answer = async (event: ChunkEvent | SQSEvent, context: Context) => {
    assertOwner(event, 'batch');
    const remainingMs = () => context.getRemainingTimeInMillis() - reservedMs;
    const options: Omit<AnswerLinesOptions, 'save'> = {
      remainingMs,
      toContext: ({ number }) =>
        invocations.toRequestContext(context, {
          id: `${context.awsRequestId}-${number}`,
          remainingMs: remainingMs(),
        }),
      log: invocations.of(context).log.error,
    };
    return 'Records' in event
      ? answerMessages(event.Records, store, service, { ...options, sqs, queueUrl })
      : answerChunk(event, store, service, options);
  };

  return middy<ChunkEvent | SQSEvent, ChunkAnswer | SQSBatchResponse | 'warmup'>({
    timeoutEarlyInMillis: 0,
  })
    .use(functionMiddlewares(invocations))
    .handler(answer);
}
