// Chunks of a batch, from its state machine, and messages of a queue. Every decision is made in their modules.

import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { Service } from '../api/service.ts';
import { InvocationCounter } from '../lambda/invocation.ts';
import { functionMiddlewares } from '../lambda/middlewares.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import type { AnswerLinesOptions } from './answer-lines.ts';
import { answerChunk, type ChunkAnswer, type ChunkEvent } from './chunk.ts';
import { answerMessages } from './queue.ts';
import type { BatchResources } from './resources.ts';

/** What is kept free for keeping the last results and for answering, in milliseconds. */
const keptFreeMs = 5_000;

/** The function's handler around a loaded model. */
export function definePipeline(service: Service, { store, sqs, queueUrl }: BatchResources) {
  const invocations = new InvocationCounter();
  const { telemetry = new Telemetry() } = service;

  const answer = async (event: ChunkEvent | SQSEvent, context: Context) => {
    const observation = telemetry.of(context);
    const watched = observation.watch(service);
    const remainingMs = () => context.getRemainingTimeInMillis() - keptFreeMs;
    const options: Omit<AnswerLinesOptions, 'keep'> = {
      remainingMs,
      toInvocation: ({ number }) =>
        invocations.toInvocation({
          ...context,
          awsRequestId: `${context.awsRequestId}-${number}`,
          getRemainingTimeInMillis: remainingMs,
        }),
      log: observation.log.error,
    };
    return 'Records' in event
      ? answerMessages(event.Records, store, watched, { ...options, sqs, queueUrl })
      : answerChunk(event, store, watched, options);
  };

  return middy<ChunkEvent | SQSEvent, ChunkAnswer | SQSBatchResponse | 'warmup'>({
    timeoutEarlyInMillis: 0,
    requestStart: invocations.increment,
  })
    .use(functionMiddlewares(telemetry))
    .handler(answer);
}
