// From an HTTP request and its context to the answer: the one path for Lambda, port 8000 and batches.
import { RequestError, toRequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import { ForeignFields } from '../generation/foreign-fields.ts';
import { toRecordedStatus } from '../telemetry/metrics.ts';
import { admit, toSpend, toTenant } from './admission.ts';
import { type ApiForm, findApiForm } from './api-form.ts';
import { decodeBody } from './content-encoding.ts';
import { type Answer, readJsonBody, TextAnswer } from './endpoint.ts';
import { type HttpRequest, type HttpResponse, toJsonResponse } from './http.ts';
import { toJsonText } from './json-text.ts';
import { findEndpoint, findRoute, openPaths, type Route } from './routes.ts';
import type { Service } from './service.ts';
import { isStream, toStreamResponse } from './stream.ts';

/**
 * Answers an HTTP request, whichever way it came in.
 *
 * Never throws: a failure becomes the error body of the path's API, and an unexpected one is logged whole.
 */
export async function answer(
  request: HttpRequest,
  service: Service,
  context: RequestContext,
): Promise<HttpResponse> {
  const { signal, metrics } = context;
  const route = findRoute(request.path);
  const response =
    service.cors?.preflight(request, toMethods(route, request)) ??
    (await answerRoute(request, route, service, context));
  metrics?.answered(toPattern(route), toRecordedStatus(response.status, signal.aborted));
  return {
    ...response,
    headers: { ...toCommonHeaders(request, service, context), ...response.headers },
    ...(request.method === 'HEAD' && { body: '' }),
  };
}

/** Returns the response to a request whose answer cannot be sent: an error in the form of the path's API. */
export function toRefusal(
  error: RequestError,
  request: HttpRequest,
  service: Service,
  context: RequestContext,
): HttpResponse<string> {
  return toErrorResponse(error, request, context, toCommonHeaders(request, service, context));
}

/** Answers a request that is not a preflight. */
async function answerRoute(
  request: HttpRequest,
  route: Route | undefined,
  service: Service,
  context: RequestContext,
): Promise<HttpResponse> {
  const { signal, metrics } = context;
  // Work that fails because its client has disconnected is no failure.
  const log = (error: unknown) => (signal.aborted ? undefined : context.log.error(error));
  const countBroken = (error: unknown) => {
    if (!signal.aborted) metrics?.broken(toPattern(route));
    log(error);
  };
  const foreignFields = new ForeignFields({ strict: isStrict(request, service) });
  try {
    const content = await callEndpoint(request, route, service, { ...context, foreignFields });
    if (content instanceof TextAnswer)
      return {
        status: 200,
        headers: { ...content.headers, 'content-type': content.contentType },
        body: content.text,
      };
    const headers = toIgnoredHeader(foreignFields);
    return isStream(content)
      ? toStreamResponse(content, countBroken, headers)
      : toJsonResponse(await toJsonText(content), { headers });
  } catch (error) {
    if (!(error instanceof RequestError)) log(error);
    const failure = toRequestError(error);
    return toErrorResponse(failure, request, context, toIgnoredHeader(foreignFields));
  } finally {
    foreignFields.log(context.log);
  }
}

/** @throws {RequestError} when the request may not be answered, or its endpoint refuses it */
async function callEndpoint(
  request: HttpRequest,
  route: Route | undefined,
  service: Service,
  context: RequestContext,
): Promise<Answer> {
  const caller = { headers: request.headers, tenant: context.tenant };
  const spend = openPaths.has(toPattern(route)) ? {} : toSpend(await admit(caller, service), service);
  const http = await decodeBody(request);
  if (http.body.length > 0) context.transcript?.asked(http.body);
  const { endpoint, parameter } = findEndpoint(route, http);
  return endpoint.answer({
    readBody: () => readJsonBody(http),
    headers: http.headers,
    query: new URLSearchParams(http.query),
    service,
    context: { ...context, ...spend, tenant: toTenant(caller) },
    parameter,
  });
}

/** The name of a route in metrics. */
function toPattern(route: Route | undefined): string {
  return route?.pattern ?? 'unknown';
}

/** Whether a foreign field fails the request. A client may ask for that to test itself. */
function isStrict({ headers }: HttpRequest, { strictFields = false }: Service): boolean {
  return strictFields || headers['x-strict-fields']?.trim().toLowerCase() === 'true';
}

function toErrorResponse(
  error: RequestError,
  { path, headers: asked }: HttpRequest,
  { id }: RequestContext,
  headers: Readonly<Record<string, string>>,
): HttpResponse<string> {
  return toJsonResponse(JSON.stringify(findApiForm(path, asked).toErrorBody(error, id)), {
    status: error.status,
    headers: { ...headers, ...error.headers },
  });
}

function toCommonHeaders(
  request: HttpRequest,
  { cors }: Service,
  context: RequestContext,
): Record<string, string> {
  return { ...cors?.headers(request), ...toIdHeaders(findApiForm(request.path, request.headers), context) };
}

function toIdHeaders({ requestIdHeader: name }: ApiForm, { id }: RequestContext): Record<string, string> {
  return { 'x-request-id': id, ...(name !== undefined && { [name]: id }) };
}

/** Lists the ignored fields of a request in a header of its answer. */
function toIgnoredHeader({ ignored }: ForeignFields): Record<string, string> {
  return ignored === undefined ? {} : { 'x-ignored-fields': ignored };
}

/** The methods of the path. An unknown path takes the method that is asked for, so that a page can read the 404. */
function toMethods(route: Route | undefined, { headers }: HttpRequest): string[] {
  return route === undefined ? [headers['access-control-request-method'] ?? ''] : Object.keys(route.methods);
}
