// The middlewares of every function: telemetry, warm-up pings and Lambda's function errors.
import { Readable } from 'node:stream';
import type { MiddlewareObj } from '@middy/core';
import warmup from '@middy/warmup';
import { type RequestError, toRequestError } from '../errors/request-error.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import type { Invocations } from './invocations.ts';

/** An error that Lambda returns: `errorType` is the code of OpenAI's error, `errorMessage` the message. */
class FunctionError extends Error {
  constructor({ code, message }: RequestError) {
    super(message);
    this.name = code;
    // Lambda returns the stack as `trace`, and the caller must not see internals.
    this.stack = `${code}: ${message}`;
  }
}

/** Creates all middlewares in order. The first one runs last at the end of an invocation. */
export function functionMiddlewares(invocations: Invocations): MiddlewareObj[] {
  return [observe(invocations), answerWarmUps(), reportErrors(invocations)];
}

/** Observes each invocation until its answer, or its stream, has ended. Must be the first middleware. */
function observe(invocations: Invocations): MiddlewareObj {
  return {
    before: ({ event, context }) => {
      const observation = invocations.begin(context);
      // A ping reports only the initialisation of its environment.
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

/** Converts the failure of a direct invoke to a function error. Logs an unexpected failure with its stack. */
function reportErrors(invocations: Invocations): MiddlewareObj {
  return {
    onError: (request) => {
      const { error, context } = request;
      invocations.of(context).fail(error);
      // Middy throws the error set here after the other middlewares have run. An error thrown here would have
      // the first one as its cause, and the log would contain both.
      request.error = new FunctionError(toRequestError(error));
    },
  };
}
