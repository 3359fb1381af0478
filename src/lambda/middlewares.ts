// What every function does around its handler: telemetry, warm-up pings, and errors as Lambda reports them.
import { Readable } from 'node:stream';
import type { MiddlewareObj } from '@middy/core';
import warmup from '@middy/warmup';
import { isJsonObject } from '../api/json-body.ts';
import { type RequestError, toRequestError } from '../errors/request-error.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** What Lambda returns as `errorType` and `errorMessage`: the code and the message of OpenAI's error. */
class FunctionError extends Error {
  constructor({ code, message }: RequestError) {
    super(message);
    this.name = code;
    // Lambda answers the stack as `trace`, and internals are not the caller's.
    this.stack = `${code}: ${message}`;
  }
}

/** All of it, in its order: what is used first is told last how an invocation ended. */
export function functionMiddlewares(telemetry: Telemetry): MiddlewareObj[] {
  return [observe(telemetry), answerWarmUps(), reportErrors(telemetry)];
}

/**
 * Watches each invocation until its answer, or its stream, is over. To be used first; a handler finds what watches its
 * invocation by {@link Telemetry.of}.
 */
function observe(telemetry: Telemetry): MiddlewareObj {
  return {
    before: ({ event, context }) => {
      const observation = telemetry.begin(context);
      // Of a ping only the start of its environment is told.
      if (isWarmUp(event)) observation.end();
    },
    after: ({ context, response }) => {
      const observation = telemetry.of(context);
      const body = isJsonObject(response) ? response.body : undefined;
      if (body instanceof Readable) {
        body.once('close', () => observation.end({ abandoned: !body.readableEnded }));
      } else {
        observation.end();
      }
    },
    onError: ({ context }) => telemetry.of(context).end(),
  };
}

/** Returns `"warmup"` at once for a ping of serverless-plugin-warmup's shape. */
function answerWarmUps(): MiddlewareObj {
  return warmup({ isWarmingUp: isWarmUp });
}

function isWarmUp(event: unknown): boolean {
  return isJsonObject(event) && event.source === 'serverless-plugin-warmup';
}

/** Turns what a direct invoke threw into a function error; an unknown failure is logged whole first. */
function reportErrors(telemetry: Telemetry): MiddlewareObj {
  return {
    onError: (request) => {
      const { error, context } = request;
      telemetry.of(context).fail(error);
      // Middy throws what is set, after those who were used before; thrown here it would have the other hung on it, and the
      // log would tell everything twice.
      request.error = new FunctionError(toRequestError(error));
    },
  };
}
