// POST /v1/messages and POST /v1/messages/count_tokens: answers requests in Anthropic's format by a chat.
import type { RequestContext } from '../../generation/context.ts';
import { chat, countPromptTokens } from '../chat/chat.ts';
import type { ModelService } from '../service.ts';
import { StreamAnswer } from '../stream-answer.ts';
import { type ChatBodyOptions, toChatBody, toPromptBody } from './chat-body.ts';
import { type Message, toMessage } from './message.ts';
import { toMessageEvents } from './message-events.ts';
import { toMessagesFormat } from './message-format.ts';
import { parseCountRequest, parseMessagesRequest } from './messages-request.ts';
import { withOwnPaths } from './own-paths.ts';

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
  const { body, paths } = toChatBody(request, toOptions(service, context));
  const answer = await withOwnPaths(paths, () => chat(body, service, context));
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
  const { body, paths } = toPromptBody(request, toOptions(service, context));
  return { input_tokens: await withOwnPaths(paths, () => countPromptTokens(body, service, context)) };
}

function toOptions({ chatTemplate }: ModelService, { foreignFields }: RequestContext): ChatBodyOptions {
  return { thinks: chatTemplate?.thinks ?? false, foreign: foreignFields };
}
