// The pipeline of the function `batch-files`: the first and the last step of the state machine. It needs no model.
import middy from '@middy/core';
import * as z from 'zod/mini';
import { assertOwner } from '../../lambda/event-owner.ts';
import { answerWarmUps } from '../../lambda/middlewares.ts';
import { batchIdPattern } from '../batch-objects.ts';
import type { ObjectStore } from '../object-store.ts';
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
  z.strictObject({ step: z.literal('join'), batch, lines: z.int().check(z.minimum(1)) }),
]);

export type BatchFilesEvent = z.output<typeof eventSchema>;

export function definePipeline(store: ObjectStore) {
  return middy<BatchFilesEvent, SplitBatch | JoinedBatch | 'warmup'>({ timeoutEarlyInMillis: 0 })
    .use(answerWarmUps())
    .handler((event) => {
      assertOwner(event, 'batch-files');
      const request = eventSchema.parse(event);
      return request.step === 'split'
        ? splitBatch(request.batch, request.linesPerChunk, store)
        : joinBatch(request.batch, request.lines, store);
    });
}
