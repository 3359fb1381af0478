// Direct invokes and buffered HTTP events, to JSON. Every decision is made in the routes.
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { toHttpEvent, toHttpRequest, toHttpResult } from '../shared/http/event.ts';
import { toWholeResponse } from '../shared/http/http.ts';
import { InvocationCounter } from '../shared/lambda/invocation.ts';
import { functionMiddlewares } from '../shared/lambda/middlewares.ts';
import { answerDirectInvoke } from '../shared/routes/direct-invoke.ts';
import { answerHttp } from '../shared/routes/routes.ts';
import type { Service } from '../shared/routes/service.ts';
import { Telemetry } from '../shared/telemetry/telemetry.ts';

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
