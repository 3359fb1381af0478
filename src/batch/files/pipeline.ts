// The pipeline of the function `batch-files`: the steps of the state machine that need no model.
import middy from '@middy/core';
import * as z from 'zod/mini';
import { assertOwner } from '../../lambda/event-owner.ts';
import { answerWarmUps } from '../../lambda/middlewares.ts';
import { batchIdPattern } from '../batch-objects.ts';
import type { ObjectStore } from '../object-store.ts';
import { type CountedAnswers, countAnswers } from './count.ts';
import { type JoinedBatch, joinBatch } from './join.ts';
import { type SplitBatch, splitBatch } from './split.ts';

const batch = z.string().check(z.regex(batchIdPattern));

/** The events that the state machine sends. */
const eventSchema = z.discriminatedUnion('step', [
  z.strictObject({
    step: z.literal('split'),
    batch,
    linesPerChunk: z.int().check(z.minimum(1), z.maximum(1_000)),
  }),
  z.strictObject({ step: z.literal('count'), batch, first: z.int().check(z.minimum(0)) }),
  z.strictObject({ step: z.literal('join'), batch, lines: z.int().check(z.minimum(1)) }),
]);

export type BatchFilesEvent = z.output<typeof eventSchema>;

export function definePipeline(store: ObjectStore) {
  return middy<BatchFilesEvent, SplitBatch | CountedAnswers | JoinedBatch | 'warmup'>({
    timeoutEarlyInMillis: 0,
  })
    .use(answerWarmUps())
    .handler((event) => {
      assertOwner(event, 'batch-files');
      const request = eventSchema.parse(event);
      switch (request.step) {
        case 'split':
          return splitBatch(request.batch, request.linesPerChunk, store);
        case 'count':
          return countAnswers(request.batch, request.first, store);
        case 'join':
          return joinBatch(request.batch, request.lines, store);
      }
    });
}
