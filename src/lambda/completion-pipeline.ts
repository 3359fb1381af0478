// Direct invokes and buffered HTTP events, to JSON. Every decision is made in the routes.
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { Service } from '../api/service.ts';
import { answerDirectInvoke } from '../http/direct-invoke.ts';
import { toWholeResponse } from '../http/http.ts';
import { answerHttp } from '../http/routes.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { toHttpEvent, toHttpRequest, toHttpResult } from './http-event.ts';
import { InvocationCounter } from './invocation.ts';
import { functionMiddlewares } from './middlewares.ts';

/** The function's handler around a loaded model. An event that is no HTTP event is the request itself. */
export function definePipeline(service: Service) {
  const invocations = new InvocationCounter();
  const { telemetry = new Telemetry() } = service;

  const answer = async (event: unknown, context: Context): Promise<object> => {
    const observation = telemetry.of(context);
    const watched = observation.watch(service);
    const invocation = invocations.toInvocation(context);
    const httpEvent = toHttpEvent(event);
    if (httpEvent === undefined) return answerDirectInvoke(event, watched, invocation);
    const response = await answerHttp(toHttpRequest(httpEvent), watched, invocation, observation.log.error);
    return toHttpResult(httpEvent, await toWholeResponse(response));
  };

  // Middy's early timeout would throw a finished part of the answer away.
  return middy<unknown, object | 'warmup'>({
    timeoutEarlyInMillis: 0,
    requestStart: invocations.increment,
  })
    .use(functionMiddlewares(telemetry))
    .handler(answer);
}
