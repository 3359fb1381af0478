// An endpoint answers one method of one path. The table of routes consists of endpoints.
import type * as z from 'zod/mini';
import { parseJson } from '../api/json-body.ts';
import { isNeutral } from '../api/known-fields.ts';
import type { ModelService } from '../api/service.ts';
import type { StreamAnswer } from '../api/stream-answer.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import type { HttpRequest } from './http.ts';
import type { Service } from './service.ts';

/** A text answer, for an endpoint that does not answer JSON. */
export class TextAnswer {
  readonly text: string;
  readonly contentType: string;
  /** More headers, with names in lower case. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(text: string, contentType: string, headers: Readonly<Record<string, string>> = {}) {
    this.text = text;
    this.contentType = contentType;
    this.headers = headers;
  }
}

/** An object (sent as JSON), chunks (sent as server-sent events in OpenAI's format, or in their own) or a text. */
export type Answer = object | AsyncGenerator<object, void, void> | StreamAnswer | TextAnswer;

interface EndpointRequest {
  /**
   * Returns the JSON of the body.
   *
   * @throws {RequestError} when the body is not JSON
   */
  readonly readBody: () => unknown;
  /** A direct invoke has none. */
  readonly headers: HttpRequest['headers'];
  /** A direct invoke has none. */
  readonly query: URLSearchParams;
  readonly service: Service;
  readonly context: RequestContext;
  /** The decoded value of the path's `{parameter}`. */
  readonly parameter: string;
}

export interface Endpoint {
  /** The summary in the OpenAPI document. */
  readonly summary: string;
  /** The schema of the JSON body. Absent when the endpoint reads no body. */
  readonly schema?: z.ZodMiniType | (() => Promise<z.ZodMiniType>);
  /** The parameters of the query, each with its description. Default: none. */
  readonly query?: Readonly<Record<string, string>>;
  /** Whether the answer is a stream unless the request sets `stream` to false. Default: false. */
  readonly streamsByDefault?: boolean;
  readonly answer: (request: EndpointRequest) => Answer | Promise<Answer>;
}

type EndpointOptions = Pick<Endpoint, 'query' | 'streamsByDefault'>;

/** Defines an endpoint that reads no body. */
export function get(
  summary: string,
  answer: Endpoint['answer'],
  options: EndpointOptions = {},
): { GET: Endpoint } {
  return { GET: { ...options, summary, answer } };
}

/**
 * Defines an endpoint that reads a JSON body. Its `answer` validates the body; `schema` only documents it.
 */
export function post(
  summary: string,
  schema: z.ZodMiniType,
  answer: (body: unknown, service: ModelService, context: RequestContext) => Answer | Promise<Answer>,
  options: EndpointOptions = {},
): { POST: Endpoint } {
  return {
    POST: {
      ...options,
      summary,
      schema,
      answer: ({ readBody, service, context }) => answer(readBody(), service, context),
    },
  };
}

/** What answers the requests of an API that only some use. */
export interface LoadedEndpoint {
  readonly schema: z.ZodMiniType;
  readonly answer: (
    body: unknown,
    service: ModelService,
    context: RequestContext,
  ) => Answer | Promise<Answer>;
}

/** Defines an endpoint like {@link post} whose code its first request loads, so that a cold start does not read it. */
export function postLoaded(
  summary: string,
  load: () => Promise<LoadedEndpoint>,
  options: EndpointOptions = {},
): { POST: Endpoint } {
  return {
    POST: {
      ...options,
      summary,
      schema: async () => (await load()).schema,
      answer: async ({ readBody, service, context }) => {
        const body = readBody();
        const { answer } = await load();
        return answer(body, service, context);
      },
    },
  };
}

/** Asks for a whole answer where a stream is the default, for requests that cannot have a stream. */
export function toWholeBody(body: unknown, endpoint: Endpoint | undefined): unknown {
  const asksForNeither = isJsonObject(body) && isNeutral(body.stream ?? null);
  return endpoint?.streamsByDefault && asksForNeither ? { ...body, stream: false } : body;
}

const jsonType = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/**
 * Reads JSON whatever its content type says, because `curl -d` sends it as a form. A page must name the right type: a browser
 * sends another one to any server, without asking it first.
 *
 * @throws {RequestError} when the body is not JSON, or comes from a page with another content type
 */
export function readJsonBody({ headers, body }: HttpRequest): unknown {
  const contentType = headers['content-type']?.trim();
  if (contentType === undefined || jsonType.test(contentType)) return parseJson(body);
  try {
    if (headers.origin === undefined) return parseJson(body);
  } catch {
    // Its content type is the better reason.
  }
  throw new RequestError(
    'unsupported_media_type',
    `Unsupported content-type '${contentType}'. Send JSON with 'content-type: application/json'.`,
  );
}
