// The pipeline of the function `completion`: direct invokes and buffered HTTP events, answered with JSON.
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { RequestContext } from '../generation/context.ts';
import { answer, toRefusal } from '../http/answer.ts';
import { answerDirectInvoke } from '../http/direct-invoke.ts';
import { toWholeResponse } from '../http/http.ts';
import type { Service } from '../http/service.ts';
import { toAdmitted } from './admitted-caller.ts';
import { assertOwner } from './event-owner.ts';
import { type HttpEvent, type HttpResult, toHttpEvent, toHttpRequest, toHttpResult } from './http-event.ts';
import { Invocations } from './invocations.ts';
import { functionMiddlewares } from './middlewares.ts';
import { countBytes, findExcess } from './result-size.ts';
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
        ? await answerInvoke(event, admitted.service, context)
        : await answerHttpEvent(httpEvent, admitted.service, context);
    await settle(service, lambdaContext, mostLateMs);
    return result;
  };

  // Middy's early timeout would discard the text generated so far.
  return middy<unknown, object | 'warmup'>({ timeoutEarlyInMillis: 0 })
    .use(functionMiddlewares(invocations))
    .handler(handle);
}

/** @throws {RequestError} as {@link answerDirectInvoke} does, and `response_too_large` */
async function answerInvoke(event: unknown, service: Service, context: RequestContext): Promise<object> {
  const result = await answerDirectInvoke(event, service, context);
  const excess = findExcess(await countBytes(result), service);
  if (excess !== undefined) throw excess;
  return result;
}

async function answerHttpEvent(
  event: HttpEvent,
  service: Service,
  context: RequestContext,
): Promise<HttpResult> {
  const request = toHttpRequest(event);
  const result = toHttpResult(event, await toWholeResponse(await answer(request, service, context)));
  const excess = findExcess(await countBytes(result), service, event.source);
  return excess === undefined ? result : toHttpResult(event, toRefusal(excess, request, service, context));
}
