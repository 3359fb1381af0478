// The pipeline of the function `completion`: direct invokes and buffered HTTP events, answered with JSON.
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { answer } from '../http/answer.ts';
import { answerDirectInvoke } from '../http/direct-invoke.ts';
import { toWholeResponse } from '../http/http.ts';
import type { Service } from '../http/service.ts';
import { toAdmitted } from './admitted-caller.ts';
import { assertOwner } from './event-owner.ts';
import { toHttpEvent, toHttpRequest, toHttpResult } from './http-event.ts';
import { Invocations } from './invocations.ts';
import { functionMiddlewares } from './middlewares.ts';
import { settle } from './settle.ts';

/** A finished answer is held for no longer than this beyond the expected end of a write. */
const mostLateMs = 1000;

/** Creates the function's handler. An event that is not an HTTP event is a direct invoke. */
export function definePipeline(service: Service) {
  const invocations = new Invocations({ telemetry: service.telemetry, longestMs: service.invocationMs });

  const handle = async (event: unknown, lambdaContext: Context): Promise<object> => {
    const httpEvent = toHttpEvent(event);
    if (httpEvent === undefined) assertOwner(event, 'completion');
    const admitted = toAdmitted(service, lambdaContext, httpEvent);
    const context = {
      ...invocations.toRequestContext(lambdaContext, { tenant: admitted.tenant }),
      ...admitted.spend,
    };
    const result =
      httpEvent === undefined
        ? await answerDirectInvoke(event, admitted.service, context)
        : toHttpResult(
            httpEvent,
            await toWholeResponse(await answer(toHttpRequest(httpEvent), admitted.service, context)),
          );
    await settle(service, lambdaContext, mostLateMs);
    return result;
  };

  // Middy's early timeout would discard the text generated so far.
  return middy<unknown, object | 'warmup'>({ timeoutEarlyInMillis: 0 })
    .use(functionMiddlewares(invocations))
    .handler(handle);
}
