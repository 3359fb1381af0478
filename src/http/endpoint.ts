// A path's answer to a method: the table of routes is made of these, and the OpenAPI document of the table.
import type * as z from 'zod/mini';
import { parseJson } from '../api/json-body.ts';
import type { ModelService } from '../api/service.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import type { HttpRequest } from './http.ts';

/** An answer that is text and not JSON. */
export class TextAnswer {
  readonly text: string;
  readonly contentType: string;

  constructor(text: string, contentType: string) {
    this.text = text;
    this.contentType = contentType;
  }
}

/** An object that is answered as JSON, chunks that are answered as server-sent events, or a text. */
export type Answer = object | AsyncGenerator<object, void, void> | TextAnswer;

interface EndpointRequest {
  readonly http: HttpRequest;
  readonly service: ModelService;
  readonly context: RequestContext;
  /** What stands in the path for its `{parameter}`. */
  readonly parameter: string;
}

export interface Endpoint {
  readonly summary: string;
  /** Of the JSON body, where there is one. */
  readonly schema?: z.ZodMiniType;
  readonly answer: (request: EndpointRequest) => Answer | Promise<Answer>;
}

/** The largest body that is read, in bytes. A buffered invocation brings at most 6 MiB, headers included. */
const maxBodyBytes = 4 * 1024 * 1024;

/** An endpoint that reads no body. */
export function get(summary: string, answer: Endpoint['answer']): { GET: Endpoint } {
  return { GET: { summary, answer } };
}

/** An endpoint that reads a JSON body, which it checks by the schema itself. */
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
