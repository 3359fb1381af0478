// Which path and method gets which answer.
import { type HttpRequest, type HttpResponse, toEventStreamResponse, toJsonResponse } from '../http/http.ts';
import { assertAuthorized } from '../wire/authorization.ts';
import { RequestError, toRequestError } from '../wire/errors.ts';
import { parseJson } from '../wire/json.ts';
import { toModelList } from '../wire/models.ts';
import { toServerSentEvents } from '../wire/server-sent-events.ts';
import { completeOrStream } from './completions.ts';
import type { Invocation, Service } from './service.ts';

/** Gives the object that is answered as JSON, or the chunks that are answered as server-sent events. */
type Route = (
  request: HttpRequest,
  service: Service,
  invocation: Invocation,
) => object | Promise<object | AsyncGenerator<object, void, void>>;

const routes: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  '/v1/completions': { POST: (request, ...rest) => completeOrStream(readJsonBody(request), ...rest) },
  '/v1/models': { GET: (_, service) => toModelList(service.model) },
  '/health': { GET: (_, service, invocation) => toHealth(service, invocation) },
};

/** Health checks come without a key. */
const openPaths = new Set(['/health']);

/** The largest body that is read, in bytes. A buffered invocation brings at most 6 MiB, headers included. */
const maxBodyBytes = 4 * 1024 * 1024;

/** Answers an HTTP request. Never throws: failures become OpenAI's error body, unknown ones are given to `log`. */
export async function answerHttp(
  request: HttpRequest,
  service: Service,
  invocation: Invocation,
  log: (error: unknown) => void,
): Promise<HttpResponse> {
  const headers = { 'x-request-id': invocation.requestId };
  // What fails because nobody waits for it any more is no failure.
  const logUnlessOver = (error: unknown) => (invocation.signal.aborted ? undefined : log(error));
  try {
    if (service.apiKey !== undefined && !openPaths.has(request.path)) {
      assertAuthorized(request.headers.authorization, service.apiKey);
    }
    const answer = await findRoute(request)(request, service, invocation);
    return Symbol.asyncIterator in answer
      ? toEventStreamResponse(toServerSentEvents(answer, logUnlessOver), headers)
      : toJsonResponse(answer, { headers });
  } catch (error) {
    if (!(error instanceof RequestError)) logUnlessOver(error);
    const answer = toRequestError(error);
    return toJsonResponse(answer.toBody(), {
      status: answer.status,
      headers: { ...headers, ...answer.headers },
    });
  }
}

function findRoute({ method, path }: HttpRequest): Route {
  const methods = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (methods === undefined) {
    throw new RequestError(
      'unknown_url',
      `There is nothing at this path; try ${Object.keys(routes).join(', ')}.`,
    );
  }
  const route = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (route !== undefined) return route;
  const allow = Object.keys(methods).join(', ');
  throw new RequestError('method_not_allowed', `${path} takes ${allow}, not ${method}.`, {
    headers: { allow },
  });
}

function readJsonBody({ headers, body }: HttpRequest): unknown {
  const contentType = headers['content-type'];
  if (contentType !== undefined && !/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType.trim())) {
    throw new RequestError(
      'unsupported_media_type',
      'Send the request as JSON, with content-type: application/json.',
    );
  }
  if (body.byteLength > maxBodyBytes) {
    throw new RequestError(
      'request_too_large',
      `The request body has ${body.byteLength} bytes; at most ${maxBodyBytes} are read.`,
    );
  }
  return parseJson(body);
}

function toHealth({ model, engine }: Service, { uptimeSeconds, coldStart }: Invocation): object {
  // The model is loaded before the handler exists, so a server that answers has it.
  return {
    status: 'ok',
    model_loaded: true,
    model,
    context_size: engine.contextSize,
    uptime_seconds: uptimeSeconds,
    cold_start: coldStart,
  };
}
