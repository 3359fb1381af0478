// Direct invokes: the event is the body of a request. Its `path` or its other fields select the endpoint.

import { assertFewParsed } from '../api/json-body.ts';
import { isNeutral } from '../api/known-fields.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import { ForeignFields } from '../generation/foreign-fields.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import { toWholeBody } from './endpoint.ts';
import { findEndpoint, findRoute } from './routes.ts';
import type { Service } from './service.ts';
import { isStream } from './stream.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Answers a direct invoke. `path` selects the endpoint of a POST request. Without it, the fields do: `messages` selects a
 * chat, `documents` a ranking, `questions` decisions, `input` a response or embeddings. Any other event is a completion.
 *
 * @throws {RequestError} when the request is invalid, does not fit the model, or asks for a stream
 */
export async function answerDirectInvoke(
  event: unknown,
  service: Service,
  context: RequestContext,
): Promise<object> {
  context.transcript?.asked(event);
  assertFewParsed(event);
  const { path, body } = toPathAndBody(event);
  if (isJsonObject(body) && body.stream === true) throw toStreamError();
  const { endpoint, parameter } = findEndpoint(findRoute(path), { method: 'POST', path });
  const foreignFields = new ForeignFields({ strict: service.strictFields ?? false });
  const refused = new AbortController();
  const signal = AbortSignal.any([context.signal, refused.signal]);
  const answer = await endpoint.answer({
    readBody: () => toWholeBody(body, endpoint),
    headers: {},
    query: new URLSearchParams(),
    service,
    context: { ...context, foreignFields, signal },
    parameter,
  });
  if (isStream(answer)) {
    // The generation has started, and nobody will read it.
    refused.abort();
    throw toStreamError();
  }
  foreignFields.log(context.log);
  context.metrics?.answered('direct', 200);
  return answer;
}

function toStreamError(): RequestError {
  return new RequestError(
    'unsupported_parameter',
    "A direct invoke cannot stream. Set 'stream' to false, or send the request to the Function URL.",
    { param: 'stream' },
  );
}

/** @throws {RequestError} `invalid_value` when the path is not a text */
function toPathAndBody(event: unknown): { path: string; body: unknown } {
  if (!isJsonObject(event) || isNeutral(event.path ?? null)) return { path: findPath(event), body: event };
  const { path, ...body } = event;
  if (typeof path === 'string') return { path, body };
  throw new RequestError('invalid_value', `'path' must be the path of a request, such as "/v1/responses".`, {
    param: 'path',
  });
}

/** The paths that fields select, the first ones before the others. */
const selections: readonly { readonly path: string; readonly selects: (fields: Fields) => unknown }[] = [
  { path: '/v1/chat/completions', selects: ({ messages }) => messages },
  { path: '/v1/rerank', selects: ({ documents }) => documents },
  { path: '/v1/decisions', selects: ({ questions }) => questions },
  { path: '/v1/responses', selects: (fields) => (isForResponses(fields) ? fields.input : undefined) },
  { path: '/v1/embeddings', selects: ({ input }) => input },
  { path: '/v1/completions', selects: ({ prompt }) => prompt },
];

/** Selects by a field that says something, and else by one that is there, so that an error names it. */
function findPath(event: unknown): string {
  const fields = isJsonObject(event) ? Object.fromEntries(Object.entries(event)) : {};
  const given = selections.filter(({ selects }) => selects(fields) !== undefined);
  return (given.find(({ selects }) => !isNeutral(selects(fields))) ?? given[0])?.path ?? '/v1/completions';
}

/** The fields that embeddings do not have. */
const responsesFields = [
  'instructions',
  'max_output_tokens',
  'text',
  'reasoning',
  'include',
  'tools',
  'previous_response_id',
];

/** Embeddings have an input of texts or tokens, and a response one of a text or items. */
function isForResponses(fields: Fields): boolean {
  const { input } = fields;
  return (
    (Array.isArray(input) && input.some(isJsonObject)) ||
    responsesFields.some((name) => fields[name] !== undefined && fields[name] !== null)
  );
}
