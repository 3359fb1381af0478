// Direct invokes and buffered HTTP events, to JSON. Every decision is made in the routes.
import { randomInt } from 'node:crypto';
import middy from '@middy/core';
import warmup from '@middy/warmup';
import type { Context } from 'aws-lambda';
import { type HttpResult, toHttpEvent, toHttpRequest, toHttpResult } from '../shared/http/event.ts';
import { complete } from '../shared/routes/completions.ts';
import { answerHttp } from '../shared/routes/routes.ts';
import type { Invocation, Service } from '../shared/routes/service.ts';
import type { Completion } from '../shared/wire/completion.ts';
import { RequestError, toRequestError } from '../shared/wire/errors.ts';
import { isJsonObject } from '../shared/wire/json.ts';

/** What Lambda returns as `errorType` and `errorMessage`: the code and the message of OpenAI's error. */
class FunctionError extends Error {
  constructor({ code, message }: RequestError) {
    super(message);
    this.name = code;
    // Lambda answers the stack as `trace`, and internals are not the caller's.
    this.stack = `${code}: ${message}`;
  }
}

/** The function's handler around a loaded model. An event that is no HTTP event is the request itself. */
export function definePipeline(service: Service) {
  let invocations = 0;

  const answer = async (event: unknown, context: Context): Promise<Completion | HttpResult> => {
    const invocation: Invocation = {
      requestId: context.awsRequestId,
      receivedAt: new Date(),
      seed: randomInt(2 ** 32),
      coldStart: invocations === 1,
      uptimeSeconds: process.uptime(),
    };
    const httpEvent = toHttpEvent(event);
    if (httpEvent === undefined) return complete(event, service, invocation);
    return toHttpResult(
      httpEvent,
      await answerHttp(toHttpRequest(httpEvent), service, invocation, console.error),
    );
  };

  // Middy's early timeout would throw a finished part of the answer away.
  return middy<unknown, Completion | HttpResult | 'warmup'>({
    timeoutEarlyInMillis: 0,
    requestStart: () => {
      invocations += 1;
    },
  })
    .use(
      warmup({ isWarmingUp: (event) => isJsonObject(event) && event.source === 'serverless-plugin-warmup' }),
    )
    .onError((request) => {
      const { error } = request;
      if (!(error instanceof RequestError)) console.error(error);
      // Set as well as thrown, or Middy hangs the one error on the other, and the log tells everything twice.
      request.error = new FunctionError(toRequestError(error));
      throw request.error;
    })
    .handler(answer);
}
