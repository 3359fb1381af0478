// Converts AWS's three kinds of HTTP events to requests, and responses back. The kinds are payload 2.0
// (Function URL, API Gateway HTTP API), payload 1.0 (API Gateway REST API) and Application Load Balancer.
import { STATUS_CODES } from 'node:http';
import type {
  ALBEvent,
  ALBResult,
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayProxyResult,
  APIGatewayProxyStructuredResultV2,
} from 'aws-lambda';
import { RequestError } from '../errors/request-error.ts';
import type { HttpRequest, HttpResponse } from '../http/http.ts';

/** An HTTP event with its kind. */
export type HttpEvent =
  | { readonly source: 'payload-2.0'; readonly event: APIGatewayProxyEventV2 }
  | { readonly source: 'payload-1.0'; readonly event: APIGatewayProxyEvent }
  | { readonly source: 'alb'; readonly event: ALBEvent };

export type HttpResult = APIGatewayProxyStructuredResultV2 | APIGatewayProxyResult | ALBResult;

/**
 * Recognises an HTTP event by its `requestContext`. Returns `undefined` for a direct invoke.
 *
 * @throws {RequestError} when a field of an HTTP event has the wrong type
 */
export function toHttpEvent(event: unknown): HttpEvent | undefined {
  const context = property(event, 'requestContext');
  if (typeof property(property(context, 'http'), 'method') === 'string') {
    assertShape(event, 'rawPath');
    return { source: 'payload-2.0', event: event as APIGatewayProxyEventV2 };
  }
  if (typeof property(event, 'httpMethod') !== 'string' || context === undefined) return undefined;
  assertShape(event, 'path');
  return property(context, 'elb') === undefined
    ? { source: 'payload-1.0', event: event as APIGatewayProxyEvent }
    : { source: 'alb', event: event as ALBEvent };
}

/** Checks the fields that are read from the event, because a caller may have written the event by hand. */
function assertShape(event: unknown, pathField: string): void {
  const body = property(event, 'body') ?? '';
  if (typeof body !== 'string')
    throw new RequestError('invalid_value', "The event's 'body' must be a string.");
  if (typeof property(event, pathField) !== 'string') {
    throw new RequestError('invalid_value', `The event's '${pathField}' must be a string.`);
  }
  const headers = Object.values(property(event, 'headers') ?? {});
  const multiValueHeaders: unknown[] = Object.values(property(event, 'multiValueHeaders') ?? {}).flat();
  if ([...headers, ...multiValueHeaders].some((value) => typeof value !== 'string')) {
    throw new RequestError('invalid_value', "The event's headers must be strings.");
  }
}

export function toHttpRequest({ source, event }: HttpEvent): HttpRequest {
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  switch (source) {
    case 'payload-2.0': {
      const { http, stage } = event.requestContext;
      // "ANY /{proxy+}", or "$default" for a Function URL and for a route of everything.
      const resource = toText(event.routeKey).split(' ', 2)[1];
      return {
        method: http.method.toUpperCase(),
        path: toRequestPath(event.rawPath, { stage, resource, parameters: event.pathParameters }),
        query: toText(event.rawQueryString),
        headers: toHeaders(event.headers),
        body,
      };
    }
    case 'payload-1.0': {
      const { path, resource, pathParameters: parameters, requestContext } = event;
      return {
        method: event.httpMethod.toUpperCase(),
        path: toRequestPath(path, { stage: requestContext.stage, resource, parameters }),
        query: new URLSearchParams(toQuery(event)).toString(),
        headers: toMergedHeaders(event),
        body,
      };
    }
    case 'alb':
      return {
        method: event.httpMethod.toUpperCase(),
        path: event.path,
        // A load balancer does not decode it.
        query: Object.entries(toQuery(event))
          .map(([name, value]) => `${name}=${value}`)
          .join('&'),
        headers: toMergedHeaders(event),
        body,
      };
    default:
      throw source satisfies never;
  }
}

/** The ARN of a caller that AWS has verified; empty when there is none. */
export function toCaller(httpEvent: HttpEvent | undefined): string {
  const context = property(httpEvent?.event, 'requestContext');
  // Payload 2.0, then payload 1.0.
  const arns = [
    property(property(property(context, 'authorizer'), 'iam'), 'userArn'),
    property(property(context, 'identity'), 'userArn'),
  ];
  return arns.find((arn) => typeof arn === 'string') ?? '';
}

export function toHttpResult(
  { source, event }: HttpEvent,
  { status, headers, body }: HttpResponse<string>,
): HttpResult {
  const result = { statusCode: status, body, isBase64Encoded: false };
  // A load balancer that sends multi-value headers ignores single-value headers in the response.
  if (source === 'alb' && event.multiValueHeaders !== undefined) {
    const multiValueHeaders = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value]]),
    );
    return { ...result, statusDescription: `${status} ${STATUS_CODES[status]}`, multiValueHeaders };
  }
  if (source === 'alb') return { ...result, statusDescription: `${status} ${STATUS_CODES[status]}`, headers };
  return { ...result, headers };
}

/** What API Gateway says about the path of an event. A caller may have written it by hand. */
interface Routing {
  readonly stage: unknown;
  /** The resource of the API that took the request, such as `/{proxy+}`. */
  readonly resource: unknown;
  readonly parameters: Readonly<Record<string, string | undefined>> | null | undefined;
}

/**
 * Removes what API Gateway may put before the path of the request: a stage, or the path that a custom domain maps to the
 * API. The request's own path may begin with the name of the stage too, as `/api/chat` does in the stage `api`, and a REST
 * API puts no stage before it. So a resource that explains the path decides, and the stage counts only without one.
 */
function toRequestPath(path: string, { stage, resource, parameters }: Routing): string {
  return findInResource(path, resource, parameters) ?? withoutStage(path, toText(stage));
}

/** Removes the named stage that an API may put before the path, as in `/prod/v1/models`. */
function withoutStage(path: string, stage: string): string {
  const prefix = `/${stage}`;
  return path === prefix || path.startsWith(`${prefix}/`) ? path.slice(prefix.length) || '/' : path;
}

/** Returns the resource with its parameters if it is the end of the path. */
function findInResource(
  path: string,
  resource: unknown,
  parameters: Routing['parameters'],
): string | undefined {
  if (typeof resource !== 'string' || !resource.startsWith('/')) return undefined;
  // Nothing longer than the path can be its end. An event that was written by hand may repeat a long parameter.
  let room = path.length;
  const filled = resource.replace(/\{([^{}+]+)\+?\}/g, (whole, name) => {
    const value = toText(parameters?.[name]) || whole;
    room -= value.length;
    return room < 0 ? whole : value;
  });
  const end = withoutSlashes(filled);
  return end !== '' && withoutSlashes(path).endsWith(end) ? end : undefined;
}

/** Removes the slashes at the end. A regular expression would take quadratic time for many slashes elsewhere. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end--;
  return path.slice(0, end);
}

function toMergedHeaders({ headers, multiValueHeaders }: APIGatewayProxyEvent | ALBEvent) {
  return toHeaders({ ...lastValues(multiValueHeaders), ...headers });
}

/** The last value of each parameter. */
function toQuery({
  queryStringParameters: single,
  multiValueQueryStringParameters: multiple,
}: APIGatewayProxyEvent | ALBEvent): Record<string, string> {
  const entries = Object.entries({ ...lastValues(multiple), ...single });
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}

function toHeaders(
  headers: Readonly<Record<string, string | undefined>> | undefined | null,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), value]],
    ),
  );
}

function lastValues(multiple: Readonly<Record<string, string[] | undefined>> | undefined | null) {
  return Object.fromEntries(
    Object.entries(multiple ?? {}).map(([name, values]) => [name, [values].flat().at(-1)]),
  );
}

/** A conversion of another value could throw: a list may be nested too deeply. */
function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
