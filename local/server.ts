// The HTTP side of the front: which request goes where, and the invoke endpoint.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { invokePath } from './emulator.ts';
import { EmulatorExitedError, InitializationError, SupervisorStoppedError } from './emulator-errors.ts';
import { declaresMoreThan, findEventFault, maximumEventBytes, readBody } from './event-body.ts';
import { errorAnswer, type HttpAnswer, invocationHeaders, sendAnswer } from './http-answer.ts';
import { type InvocationQueue, QueueClosedError, QueueFullError } from './invocation-queue.ts';
import { refuseMalformed } from './malformed-http.ts';

/** What the routes answer with. */
export interface FrontServices {
  readonly queue: InvocationQueue;
  /** Takes a whole event to the function and brings its whole answer. */
  readonly invoke: (event: Uint8Array, headers: ReturnType<typeof invocationHeaders>) => Promise<HttpAnswer>;
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

/** Every path the front knows: a new one is a new case. */
async function route(exchange: Exchange, services: FrontServices): Promise<HttpAnswer> {
  const { method, url = '' } = exchange.request;
  const [path] = url.split('?');
  switch (path) {
    case invokePath:
      if (method === 'POST') return invokeFunction(exchange, services);
      return errorAnswer('method_not_allowed', `${method} cannot invoke: use POST.`, { allow: 'POST' });
    default:
      return errorAnswer('unknown_url', `There is nothing at ${path}: invoke with POST ${invokePath}.`);
  }
}

async function invokeFunction(exchange: Exchange, { queue, invoke }: FrontServices): Promise<HttpAnswer> {
  const { request, response, expectsContinue, clientLeft } = exchange;
  if (expectsContinue && !declaresMoreThan(request, maximumEventBytes)) response.writeContinue();
  const event = await readBody(request, maximumEventBytes);
  if (!event) return errorAnswer('payload_too_large', `The body is over ${maximumEventBytes} bytes (6 MiB).`);
  const fault = findEventFault(event);
  if (fault) return errorAnswer('invalid_json', fault);
  return queue.run(() => invoke(event, invocationHeaders(request.headers)), clientLeft);
}

function toAnswer(error: unknown): HttpAnswer {
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
