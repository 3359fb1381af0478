// The middlewares of every function: telemetry, warm-up pings, and errors in Lambda's form.
import { Readable } from 'node:stream';
import type { MiddlewareObj } from '@middy/core';
import warmup from '@middy/warmup';
import { type RequestError, toRequestError } from '../errors/request-error.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import type { Invocations } from './invocations.ts';

/** What Lambda returns as `errorType` and `errorMessage`: the code and the message of OpenAI's error. */
class FunctionError extends Error {
  constructor({ code, message }: RequestError) {
    super(message);
    this.name = code;
    // Lambda answers the stack as `trace`, and internals are not the caller's.
    this.stack = `${code}: ${message}`;
  }
}

/** All middlewares in their order. The first one sees an invocation's end last. */
export function functionMiddlewares(invocations: Invocations): MiddlewareObj[] {
  return [observe(invocations), answerWarmUps(), reportErrors(invocations)];
}

/** Observes each invocation until its answer, or its stream, has ended. Must be the first middleware. */
function observe(invocations: Invocations): MiddlewareObj {
  return {
    before: ({ event, context }) => {
      const observation = invocations.begin(context);
      // A ping reports the initialisation of its environment, and nothing else.
      if (isWarmUp(event)) observation.end();
    },
    after: ({ context, response }) => {
      const observation = invocations.of(context);
      const body = isJsonObject(response) ? response.body : undefined;
      if (body instanceof Readable) {
        body.once('close', () => observation.end({ abandoned: !body.readableEnded }));
      } else {
        observation.end();
      }
    },
    onError: ({ context }) => invocations.of(context).end(),
  };
}

/** Returns `"warmup"` at once for a ping of serverless-plugin-warmup's shape. */
export function answerWarmUps(): MiddlewareObj {
  return warmup({ isWarmingUp: isWarmUp });
}

function isWarmUp(event: unknown): boolean {
  return isJsonObject(event) && event.source === 'serverless-plugin-warmup';
}

/** Turns what a direct invoke threw into a function error. An unknown failure is logged whole first. */
function reportErrors(invocations: Invocations): MiddlewareObj {
  return {
    onError: (request) => {
      const { error, context } = request;
      invocations.of(context).fail(error);
      // Middy throws the error that is set here after the other middlewares ran. An error thrown here would carry the first one as
      // its cause, and the log would have everything twice.
      request.error = new FunctionError(toRequestError(error));
    },
  };
}
