// An endpoint answers one method of one path. The table of routes consists of endpoints.
import type * as z from 'zod/mini';
import { parseJson } from '../api/json-body.ts';
import type { ModelService } from '../api/service.ts';
import type { UnmarkedStream } from '../api/unmarked-stream.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import type { HttpRequest } from './http.ts';

/** A text answer, for an endpoint that does not answer JSON. */
export class TextAnswer {
  readonly text: string;
  readonly contentType: string;

  constructor(text: string, contentType: string) {
    this.text = text;
    this.contentType = contentType;
  }
}

/** An object (sent as JSON), chunks (sent as server-sent events) or a text. */
export type Answer = object | AsyncGenerator<object, void, void> | UnmarkedStream | TextAnswer;

interface EndpointRequest {
  readonly http: HttpRequest;
  readonly service: ModelService;
  readonly context: RequestContext;
  /** The decoded value of the path's `{parameter}`. */
  readonly parameter: string;
}

export interface Endpoint {
  /** The summary in the OpenAPI document. */
  readonly summary: string;
  /** The schema of the JSON body. Absent when the endpoint reads no body. */
  readonly schema?: z.ZodMiniType;
  readonly answer: (request: EndpointRequest) => Answer | Promise<Answer>;
}

/** Defines an endpoint that reads no body. */
export function get(summary: string, answer: Endpoint['answer']): { GET: Endpoint } {
  return { GET: { summary, answer } };
}

/**
 * Defines an endpoint that reads a JSON body. Its `answer` validates the body; `schema` only documents it.
 */
export function post(
  summary: string,
  schema: z.ZodMiniType,
  answer: (body: unknown, service: ModelService, context: RequestContext) => Answer | Promise<Answer>,
): { POST: Endpoint } {
  return {
    POST: {
      summary,
      schema,
      answer: ({ http, service, context }) => answer(readJsonBody(http), service, context),
    },
  };
}

function readJsonBody({ headers, body }: HttpRequest): unknown {
  const contentType = headers['content-type'];
  if (contentType !== undefined && !/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType.trim())) {
    throw new RequestError(
      'unsupported_media_type',
      `Unsupported content-type '${contentType}'. Send JSON with 'content-type: application/json'.`,
    );
  }
  return parseJson(body);
}
