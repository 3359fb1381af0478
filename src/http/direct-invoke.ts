// Direct invokes: the event is the body of a request, and its fields select the endpoint.

import { chat } from '../api/chat/chat.ts';
import { complete } from '../api/completions/completions.ts';
import { embed } from '../api/embeddings/embeddings.ts';
import { rerank } from '../api/rerank/rerank.ts';
import type { ModelService } from '../api/service.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import { isJsonObject } from '../json-schema/json-object.ts';

/**
 * Answers a direct invoke. `messages` selects a chat, `documents` a ranking, `input` embeddings. Any other
 * event is a completion.
 *
 * @throws {RequestError} when the request is invalid, does not fit the model, or asks for a stream
 */
export async function answerDirectInvoke(
  event: unknown,
  service: ModelService,
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
  const answer = await findRoute(event)(event, service, context);
  context.metrics?.answered('direct', 200);
  return answer;
}

function findRoute(event: unknown) {
  const has = (field: string) => isJsonObject(event) && Object.hasOwn(event, field);
  if (has('messages')) return chat;
  if (has('documents')) return rerank;
  return has('input') ? embed : complete;
}
