// Direct invokes: the event is the body of a request, and its fields select the endpoint.

import { chat } from '../api/chat/chat.ts';
import { complete } from '../api/completions/completions.ts';
import { embed } from '../api/embeddings/embeddings.ts';
import { isNeutral } from '../api/known-fields.ts';
import { rerank } from '../api/rerank/rerank.ts';
import type { ModelService } from '../api/service.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import { ForeignFields } from '../generation/foreign-fields.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import type { Service } from './service.ts';

/**
 * Answers a direct invoke. `messages` selects a chat, `documents` a ranking, `input` embeddings. Any other
 * event is a completion.
 *
 * @throws {RequestError} when the request is invalid, does not fit the model, or asks for a stream
 */
export async function answerDirectInvoke(
  event: unknown,
  service: ModelService & Pick<Service, 'strictFields'>,
  context: RequestContext,
): Promise<object> {
  context.transcript?.asked(event);
  if (isJsonObject(event) && event.stream === true) {
    throw new RequestError(
      'unsupported_parameter',
      "A direct invoke cannot stream. Leave out 'stream', or send the request to the Function URL.",
      { param: 'stream' },
    );
  }
  const foreignFields = new ForeignFields({ strict: service.strictFields ?? false });
  const answer = await findRoute(event)(event, service, { ...context, foreignFields });
  foreignFields.log(context.log);
  context.metrics?.answered('direct', 200);
  return answer;
}

/** Selects by a field that says something, and else by one that is there, so that an error names it. */
function findRoute(event: unknown) {
  const fields = isJsonObject(event) ? event : {};
  const routes = [
    { field: 'messages', answer: chat },
    { field: 'documents', answer: rerank },
    { field: 'input', answer: embed },
    { field: 'prompt', answer: complete },
  ];
  const given = routes.filter(({ field }) => Object.hasOwn(fields, field));
  return (given.find(({ field }) => !isNeutral(fields[field])) ?? given[0])?.answer ?? complete;
}
