// Node's HTTP around the routes: answers the requests that the front passes on.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { parseCompletionRequest } from '../../api/completions/completion-request.ts';
import { RequestError, toRequestError } from '../../errors/request-error.ts';
import { toRequestContext } from '../../generation/context.ts';
import { admit } from '../../http/admission.ts';
import { answer } from '../../http/answer.ts';
import { findApiForm } from '../../http/api-form.ts';
import type { HttpRequest, HttpResponse } from '../../http/http.ts';
import type { Service } from '../../http/service.ts';
import { standardErrorLog } from '../../telemetry/log.ts';
import { toLoggedPath } from '../../telemetry/request-line.ts';
import { Telemetry } from '../../telemetry/telemetry.ts';
import { errorAnswer } from '../error-answer.ts';
import { sendAnswer } from '../http-answer.ts';
import { callerHeader, invokePath } from '../invoke-path.ts';
import { readWhole } from '../read-whole.ts';

export interface RequestListenerOptions {
  /** Loads the service. A load that failed is tried again by the next request. */
  readonly load: () => Promise<Service>;
  /** The time for one answer. */
  readonly timeoutSeconds: number;
}

export function createRequestListener({ load, timeoutSeconds }: RequestListenerOptions): RequestListener {
  return (request, response) => {
    const disconnected = new AbortController();
    // A response closes after its last byte too.
    response.once('close', () => {
      if (!response.writableFinished) disconnected.abort();
    });
    void respond(request, response, disconnected.signal).catch((error: unknown) => {
      if (disconnected.signal.aborted) return;
      standardErrorLog.error(error);
      if (response.headersSent) response.destroy();
      else {
        const form = findApiForm(request.url ?? '', request.headers);
        sendAnswer(response, errorAnswer(toRequestError(error), form));
      }
    });
  };

  async function respond(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const body = await readWhole(request);
    const service = await load();
    // The front passes on every other path only.
    if (request.url === invokePath) {
      await admitInvocation(request, response, service);
      return;
    }
    const observation = (service.telemetry ?? new Telemetry()).begin({
      id: randomUUID(),
      request: { method: request.method ?? 'GET', path: toLoggedPath(request.url ?? '/') },
    });
    try {
      const context = toRequestContext(observation, {
        remainingMs: timeoutSeconds * 1000,
        tenant: '',
        signal,
      });
      await send(await answer(toHttpRequest(request, body), service, context), request, response);
    } finally {
      observation.end({ abandoned: signal.aborted });
    }
  }
}

/**
 * Loads what the first request would load: Node's cryptography, and the schema of a completion. For a start, while JavaScript waits for
 * the model.
 */
export function rehearse(): void {
  randomUUID();
  parseCompletionRequest({ prompt: '' });
}

/** Answers with the name by which the caller's tokens are counted, or with the reason of a refusal. */
async function admitInvocation(
  request: IncomingMessage,
  response: ServerResponse,
  service: Service,
): Promise<void> {
  const { headers } = toHttpRequest(request, Buffer.alloc(0));
  try {
    const caller = await admit({ headers, tenant: '' }, service);
    response.writeHead(204, { [callerHeader]: caller }).end();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    sendAnswer(response, errorAnswer(error));
  }
}

function toHttpRequest(
  { method = 'GET', url = '/', headers }: IncomingMessage,
  body: Uint8Array,
): HttpRequest {
  const [path = '/', ...query] = url.split('?');
  const single = Object.entries(headers).map(([name, value]) => [name, [value].flat().join(',')]);
  return {
    method,
    path,
    query: query.join('?'),
    headers: Object.fromEntries(single) as Record<string, string>,
    body,
  };
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
  // The length of the body that GET would bring is not known to HEAD, and status 204 has neither.
  const hasLength = method !== 'HEAD' && status !== 204;
  response.writeHead(status, { ...headers, ...(hasLength && { 'content-length': Buffer.byteLength(body) }) });
  response.end(body);
}
