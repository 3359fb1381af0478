// POST /v1/messages and POST /v1/messages/count_tokens: answers requests in Anthropic's format by a chat.
import type { RequestContext } from '../../generation/context.ts';
import { chat } from '../chat/chat.ts';
import { countPromptTokens } from '../chat/chat-prompt.ts';
import { askRenamed } from '../renamed-fields.ts';
import type { ModelService } from '../service.ts';
import { StreamAnswer } from '../stream-answer.ts';
import { toChatBody, toPromptBody } from './chat-body.ts';
import { type Message, toMessage } from './message.ts';
import { toMessageEvents } from './message-events.ts';
import { toMessagesFormat } from './message-format.ts';
import { parseCountRequest, parseMessagesRequest } from './messages-request.ts';

/**
 * Answers a request for a message: with events if it sets `stream`, else with a message.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function createMessage(
  given: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<Message | StreamAnswer> {
  const request = parseMessagesRequest(given, context.foreignFields);
  const { body, rename } = toChatBody(request, context.foreignFields);
  const answer = await askRenamed(rename, context, (renamed) => chat(body, service, renamed));
  if (!(Symbol.asyncIterator in answer)) return toMessage(answer);
  return new StreamAnswer(toMessageEvents(answer), toMessagesFormat(context.id));
}

/**
 * Counts the tokens of a request's prompt, as its answer would count them.
 *
 * @throws {RequestError} when the request is invalid, or its prompt has too many characters to fit the context
 */
export async function countTokens(
  given: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<{ input_tokens: number }> {
  const request = parseCountRequest(given, context.foreignFields);
  const { body, rename } = toPromptBody(request, context.foreignFields);
  const count = await askRenamed(rename, context, (renamed) => countPromptTokens(body, service, renamed));
  return { input_tokens: count };
}
