// Node's HTTP around the routes: a request that the front passed on, to its answer.
import { randomInt, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { format } from 'node:util';
import type { Context } from 'aws-lambda';
import type { Service } from '../../api/service.ts';
import { toRequestError } from '../../errors/request-error.ts';
import type { HttpRequest, HttpResponse } from '../../http/http.ts';
import { answerHttp } from '../../http/routes.ts';
import { Telemetry } from '../../telemetry/telemetry.ts';
import { errorAnswer, sendAnswer } from '../http-answer.ts';

export interface RequestListenerOptions {
  /** Loads what answers; a load that failed is tried again by the next request. */
  readonly load: () => Promise<Service>;
  /** The time for one answer. */
  readonly timeoutSeconds: number;
}

/** The last part of an answer's time, in which it goes out. */
const answeringMilliseconds = 150;

/** Answers each request by the service. */
export function createRequestListener({ load, timeoutSeconds }: RequestListenerOptions) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const left = new AbortController();
    response.once('close', () => left.abort());
    void answerRequest(request, response, left.signal).catch((error: unknown) => {
      if (left.signal.aborted) return;
      tellFailure(error);
      if (response.headersSent) response.destroy();
      else sendAnswer(response, errorAnswer(toRequestError(error)));
    });
  };

  async function answerRequest(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const body = await buffer(request);
    const service = await load();
    const id = randomUUID();
    const observation = (service.telemetry ?? new Telemetry()).begin({ awsRequestId: id } as Context);
    try {
      const invocation = {
        requestId: id,
        receivedAt: new Date(),
        seed: randomInt(2 ** 32),
        coldStart: false,
        uptimeSeconds: process.uptime(),
        endBy: performance.now() + timeoutSeconds * 1000 - answeringMilliseconds,
        signal,
      };
      const watched = observation.watch(service);
      const answer = await answerHttp(toHttpRequest(request, body), watched, invocation, tellFailure);
      await send(answer, request, response);
    } finally {
      observation.end({ abandoned: signal.aborted });
    }
  }
}

function toHttpRequest(
  { method = 'GET', url = '/', headers }: IncomingMessage,
  body: Uint8Array,
): HttpRequest {
  const [path = '/'] = url.split('?', 1);
  const single = Object.entries(headers).map(([name, value]) => [name, [value].flat().join(',')]);
  return { method, path, headers: Object.fromEntries(single) as Record<string, string>, body };
}

async function send(
  { status, headers, body }: HttpResponse,
  { method }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (typeof body !== 'string') {
    response.writeHead(status, headers);
    await pipeline(body, response);
    return;
  }
  // Of an answer to HEAD the length is not known, and one without content has none.
  const hasLength = method !== 'HEAD' && status !== 204;
  response.writeHead(status, { ...headers, ...(hasLength && { 'content-length': Buffer.byteLength(body) }) });
  response.end(body);
}

/** Past the console: the interface client adds the id of the invocation that runs meanwhile to each of its lines. */
function tellFailure(error: unknown): void {
  process.stderr.write(`${format(error)}\n`);
}
