// What every function does around its handler: warm-up pings, and errors as Lambda reports them.
import type { MiddlewareObj } from '@middy/core';
import warmup from '@middy/warmup';
import { RequestError, toRequestError } from '../wire/errors.ts';
import { isJsonObject } from '../wire/json.ts';

/** What Lambda returns as `errorType` and `errorMessage`: the code and the message of OpenAI's error. */
class FunctionError extends Error {
  constructor({ code, message }: RequestError) {
    super(message);
    this.name = code;
    // Lambda answers the stack as `trace`, and internals are not the caller's.
    this.stack = `${code}: ${message}`;
  }
}

/** Returns `"warmup"` at once for a ping of serverless-plugin-warmup's shape. */
export function answerWarmUps(): MiddlewareObj {
  return warmup({
    isWarmingUp: (event) => isJsonObject(event) && event.source === 'serverless-plugin-warmup',
  });
}

/** Turns what a direct invoke threw into a function error; an unknown failure is logged whole first. */
export function reportErrors(): MiddlewareObj {
  return {
    onError: (request) => {
      const { error } = request;
      if (!(error instanceof RequestError)) console.error(error);
      // Set as well as thrown, or Middy hangs the one error on the other, and the log tells everything twice.
      request.error = new FunctionError(toRequestError(error));
      throw request.error;
    },
  };
}
