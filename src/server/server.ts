// The HTTP side of the front: which request goes where, and the invoke endpoint.
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { parseJson } from '../api/json-body.ts';
import { RequestError, toRequestError } from '../errors/request-error.ts';
import { findApiForm } from '../http/api-form.ts';
import type { ApiKeySource } from '../http/api-key-source.ts';
import { authorize } from '../http/authorization.ts';
import { asksForPage } from '../http/http.ts';
import { toLoggedPath } from '../telemetry/request-line.ts';
import { assertAllowedCaller, type CallerRules } from './caller-guard.ts';
import {
  EmulatorExitedError,
  InitializationError,
  RuntimeExitedError,
  SupervisorStoppedError,
} from './emulator-errors.ts';
import { errorAnswer } from './error-answer.ts';
import { declaresMoreThan, type HeldBodies, maximumEventBytes } from './event-body.ts';
import { allowHalfClosed, probeHalfClosed } from './half-closed.ts';
import { type HealthCheck, healthPath } from './health-check.ts';
import { type HttpAnswer, invocationHeaders, sendAnswer } from './http-answer.ts';
import { type InvocationQueue, QueueClosedError, QueueFullError } from './invocation-queue.ts';
import { invokePath } from './invoke-path.ts';
import { refuseMalformed } from './malformed-http.ts';
import type { PassedRequest } from './pass-through.ts';
import { Turns } from './turns.ts';

/**
 * How long an idle connection is kept: longer than the 60 s of a load balancer, which would otherwise send a request on a
 * connection that is just being closed.
 */
const idleMilliseconds = 75_000;

/** What the routes answer with. */
export interface FrontServices {
  /** The key that a request must bring, if any. */
  readonly apiKey: ApiKeySource | undefined;
  readonly bodies: HeldBodies;
  /** The file of the playground; undefined serves none. */
  readonly playground: string | undefined;
  readonly callers: CallerRules;
  /** Counts or names an invocation's caller, and returns headers for the emulator. Absent: all callers are one. */
  readonly admit?:
    | ((headers: IncomingMessage['headers'], clientLeft: AbortSignal) => Promise<OutgoingHttpHeaders>)
    | undefined;
  readonly queue: InvocationQueue;
  /** Takes a whole event to the function and brings its whole answer. */
  readonly invoke: (event: Uint8Array, headers: OutgoingHttpHeaders) => Promise<HttpAnswer>;
  /** Has the runtime answer on the response, as the answer is generated. */
  readonly passThrough: (passed: PassedRequest) => Promise<void>;
  readonly health: Pick<HealthCheck, 'answer'>;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client waits for "100 Continue" before it sends its body. */
  readonly expectsContinue: boolean;
  readonly clientLeft: AbortSignal;
  /** Of all requests but those for /health. */
  readonly turns: Turns;
}

/** An HTTP server, not yet listening, that answers for the function. */
export function createFrontServer(services: FrontServices): Server {
  const turns = new Turns();
  const listen = (expectsContinue: boolean) => (request: IncomingMessage, response: ServerResponse) => {
    const leaving = new AbortController();
    // A response closes after its last byte too.
    response.once('close', () => {
      if (!response.writableFinished) leaving.abort();
    });
    // A broken connection is told by 'close'; an 'error' nobody listens to would end the process.
    request.on('error', () => {});
    response.on('error', () => {});
    probeHalfClosed(request, response);
    const clientLeft = leaving.signal;
    const startedAt = performance.now();
    // The runtime logs what it answers.
    const fail = (error: unknown) => {
      const failure = explain(error);
      const { method, url = '', headers } = request;
      const milliseconds = Math.round(performance.now() - startedAt);
      console.error(`gguf-lambda: ${method} ${toLoggedPath(url)} ${failure.status}, ${milliseconds} ms`);
      return errorAnswer(failure, findApiForm(url, headers));
    };
    void route({ request, response, expectsContinue, clientLeft, turns }, services)
      .catch((error: unknown) => (clientLeft.aborted ? undefined : fail(error)))
      .then((answer) => {
        // On shutdown no connection is kept for a next request.
        if (!server.listening) response.shouldKeepAlive = false;
        // Without these a page cannot read the answer.
        const corsHeaders = services.callers.cors?.headers(request);
        if (answer) sendAnswer(response, { ...answer, headers: { ...corsHeaders, ...answer.headers } });
      });
  };
  const server = createServer({ keepAliveTimeout: idleMilliseconds })
    .on('request', listen(false))
    .on('checkContinue', listen(true))
    .on('clientError', refuseMalformed);
  allowHalfClosed(server);
  return server;
}

/** Gives the answer, or nothing where it has been sent already. */
async function route(exchange: Exchange, services: FrontServices): Promise<HttpAnswer | undefined> {
  const { method, url = '', headers } = exchange.request;
  assertAllowedCaller(headers, services.callers);
  const [path] = url.split('?');
  if (path === healthPath && (method === 'GET' || method === 'HEAD'))
    return services.health.answer(exchange.request);
  await exchange.turns.next();
  switch (path) {
    case invokePath:
      if (method === 'POST') return invokeFunction(exchange, services);
      throw new RequestError('method_not_allowed', `${method} cannot invoke: use POST.`, {
        headers: { allow: 'POST' },
      });
    case '/':
      return (await showPlayground(exchange, services)) ?? passOn(exchange, services);
    default:
      return passOn(exchange, services);
  }
}

/** Answers a browser; nothing for any other client. The page needs no key: its requests do. */
async function showPlayground(
  { request: { method, headers } }: Exchange,
  { playground }: FrontServices,
): Promise<HttpAnswer | undefined> {
  if (method !== 'GET' || playground === undefined || !asksForPage(headers)) return undefined;
  const { readPlayground } = await import('../http/playground-page.ts');
  const { html, headers: pageHeaders } = await readPlayground(playground);
  return { status: 200, headers: pageHeaders, body: Buffer.from(html) };
}

/** The runtime answers every other path, and refuses in the path's own form a request without the key. */
async function passOn(
  exchange: Exchange,
  { apiKey, bodies, passThrough }: FrontServices,
): Promise<undefined> {
  const { request, response } = exchange;
  if (!(await isAuthorized(request.headers, apiKey))) {
    // Whoever has no key could fill the memory.
    await passThrough({ request, body: new Uint8Array(), response });
    return;
  }
  askForBody(exchange);
  await bodies.hold(request, async (body) => {
    if (!body)
      throw new RequestError('request_too_large', `The body is over ${maximumEventBytes} bytes (6 MiB).`);
    await passThrough({ request, body, response });
  });
}

async function isAuthorized(
  headers: IncomingMessage['headers'],
  apiKey: ApiKeySource | undefined,
): Promise<boolean> {
  try {
    if (apiKey !== undefined) await authorize(headers, apiKey);
    return true;
  } catch {
    return false;
  }
}

async function invokeFunction(
  exchange: Exchange,
  { apiKey, admit, bodies, queue, invoke }: FrontServices,
): Promise<HttpAnswer> {
  const { request, clientLeft } = exchange;
  if (apiKey !== undefined) await authorize(request.headers, apiKey);
  const headers = invocationHeaders(request.headers);
  const admitted = await admit?.(request.headers, clientLeft);
  askForBody(exchange);
  return bodies.hold(request, async (event) => {
    if (!event)
      throw new RequestError('payload_too_large', `The body is over ${maximumEventBytes} bytes (6 MiB).`);
    // The runtime would exit on what is not JSON, and on a byte order mark.
    parseJson(event);
    return queue.run(() => invoke(withoutMark(event), { ...headers, ...admitted }), clientLeft);
  });
}

/** Tells a client that waits with its body to send it. */
function askForBody({ request, response, expectsContinue }: Exchange): void {
  if (expectsContinue && !declaresMoreThan(request, maximumEventBytes)) response.writeContinue();
}

/** Removes the byte order mark of UTF-8. */
function withoutMark(event: Uint8Array): Uint8Array {
  const hasMark = event[0] === 0xef && event[1] === 0xbb && event[2] === 0xbf;
  return hasMark ? event.subarray(3) : event;
}

/** What a client may know of a failure; one that nobody expected is logged whole. */
export function explain(error: unknown): RequestError {
  if (error instanceof QueueFullError) {
    const headers = { 'retry-after': String(error.retryAfterSeconds) };
    return new RequestError('queue_full', error.message, { headers });
  }
  if (error instanceof QueueClosedError || error instanceof SupervisorStoppedError) {
    return new RequestError('shutting_down', 'The server is shutting down.');
  }
  if (
    error instanceof EmulatorExitedError ||
    error instanceof RuntimeExitedError ||
    error instanceof InitializationError
  ) {
    return new RequestError(
      'runtime_exited',
      'The runtime exited before it answered; the log has the reason.',
    );
  }
  if (!(error instanceof RequestError)) console.error('gguf-lambda: a request failed:', error);
  return toRequestError(error);
}
