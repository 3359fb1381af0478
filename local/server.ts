// The HTTP side of the front: which request goes where, and the invoke endpoint.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { assertAuthorized } from '../functions/shared/wire/authorization.ts';
import { RequestError } from '../functions/shared/wire/errors.ts';
import { parseJson } from '../functions/shared/wire/json.ts';
import { invokePath } from './emulator.ts';
import { EmulatorExitedError, InitializationError, SupervisorStoppedError } from './emulator-errors.ts';
import { declaresMoreThan, maximumEventBytes, readBody } from './event-body.ts';
import { toFunctionUrlEvent } from './function-url.ts';
import {
  errorAnswer,
  type HttpAnswer,
  invocationHeaders,
  requestErrorAnswer,
  sendAnswer,
} from './http-answer.ts';
import { type InvocationQueue, QueueClosedError, QueueFullError } from './invocation-queue.ts';
import { refuseMalformed } from './malformed-http.ts';

/** What the routes answer with. */
export interface FrontServices {
  /** The key that an invocation must bring, if any. */
  readonly apiKey: string | undefined;
  readonly queue: InvocationQueue;
  /** Takes a whole event to the function and brings its whole answer. */
  readonly invoke: (event: Uint8Array, headers: ReturnType<typeof invocationHeaders>) => Promise<HttpAnswer>;
  /** Answers a Function URL's event on the response, as it is generated. */
  readonly answer: (
    event: APIGatewayProxyEventV2,
    response: ServerResponse,
    clientLeft: AbortSignal,
  ) => Promise<void>;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client waits for "100 Continue" before it sends its body. */
  readonly expectsContinue: boolean;
  readonly clientLeft: AbortSignal;
}

/** An HTTP server, not yet listening, that answers for the function. */
export function createFrontServer(services: FrontServices): Server {
  const listen = (expectsContinue: boolean) => (request: IncomingMessage, response: ServerResponse) => {
    const leaving = new AbortController();
    response.once('close', () => leaving.abort());
    // A broken connection is told by 'close'; an 'error' nobody listens to would end the process.
    request.on('error', () => {});
    response.on('error', () => {});
    const clientLeft = leaving.signal;
    void route({ request, response, expectsContinue, clientLeft }, services)
      .catch((error: unknown) => (clientLeft.aborted ? undefined : toAnswer(error)))
      .then((answer) => {
        // On shutdown no connection is kept for a next request.
        if (!server.listening) response.shouldKeepAlive = false;
        if (answer) sendAnswer(response, answer);
      });
  };
  const server = createServer()
    .on('request', listen(false))
    .on('checkContinue', listen(true))
    .on('clientError', refuseMalformed);
  return server;
}

/** Gives the answer, or nothing where it has been sent already. */
async function route(exchange: Exchange, services: FrontServices): Promise<HttpAnswer | undefined> {
  const { method, url = '' } = exchange.request;
  const [path] = url.split('?');
  switch (path) {
    case invokePath:
      if (method === 'POST') return invokeFunction(exchange, services);
      return errorAnswer('method_not_allowed', `${method} cannot invoke: use POST.`, { allow: 'POST' });
    default:
      return answerAsFunctionUrl(exchange, services);
  }
}

/** Every other path is the function's own. */
async function answerAsFunctionUrl(
  exchange: Exchange,
  { answer }: FrontServices,
): Promise<HttpAnswer | undefined> {
  const { request, response, expectsContinue, clientLeft } = exchange;
  if (expectsContinue && !declaresMoreThan(request, maximumEventBytes)) response.writeContinue();
  const body = await readBody(request, maximumEventBytes);
  if (!body) return errorAnswer('request_too_large', `The body is over ${maximumEventBytes} bytes (6 MiB).`);
  await answer(toFunctionUrlEvent(request, body), response, clientLeft);
  return undefined;
}

async function invokeFunction(
  exchange: Exchange,
  { apiKey, queue, invoke }: FrontServices,
): Promise<HttpAnswer> {
  const { request, response, expectsContinue, clientLeft } = exchange;
  if (apiKey !== undefined) assertAuthorized(request.headers.authorization, apiKey);
  if (expectsContinue && !declaresMoreThan(request, maximumEventBytes)) response.writeContinue();
  const event = await readBody(request, maximumEventBytes);
  if (!event) return errorAnswer('payload_too_large', `The body is over ${maximumEventBytes} bytes (6 MiB).`);
  // The runtime would exit on what is not JSON.
  parseJson(event);
  return queue.run(() => invoke(event, invocationHeaders(request.headers)), clientLeft);
}

function toAnswer(error: unknown): HttpAnswer {
  if (error instanceof RequestError) return requestErrorAnswer(error);
  if (error instanceof QueueFullError) {
    return errorAnswer('queue_full', error.message, { 'retry-after': String(error.retryAfterSeconds) });
  }
  if (error instanceof QueueClosedError || error instanceof SupervisorStoppedError) {
    return errorAnswer('shutting_down', 'The server is shutting down.');
  }
  if (error instanceof EmulatorExitedError || error instanceof InitializationError) {
    return errorAnswer('runtime_exited', 'The runtime exited before it answered; the log has the reason.');
  }
  console.error('gguf-lambda: a request failed:', error);
  return errorAnswer('internal_error', 'The server failed to answer; its log has the reason.');
}
