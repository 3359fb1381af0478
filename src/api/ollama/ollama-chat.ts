// POST /api/chat: a request in Ollama's format, as a chat.
import type { RequestContext } from '../../generation/context.ts';
import { isJsonObject } from '../../json-schema/json-object.ts';
import { chat } from '../chat/chat.ts';
import { assertModel } from '../generation-request.ts';
import { assertFewItems, parseFields } from '../request-body.ts';
import type { ModelService } from '../service.ts';
import { readChat } from './answer-parts.ts';
import { asMessage, toHead, toLoaded, writeAnswer } from './ollama-answer.ts';
import { mostItems, toEffort, toModelName, toSharedFields, withImages } from './ollama-fields.ts';
import { askWithNames } from './ollama-names.ts';
import { type OllamaMessage, ollamaChatSchema, unsupportedFields } from './ollama-request.ts';

/**
 * Answers a chat request, in lines unless it sets `stream` to false.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function chatAsOllama(
  given: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<object> {
  const { foreignFields: foreign } = context;
  assertFewItems(given, 'messages', mostItems);
  const request = parseFields(ollamaChatSchema, unsupportedFields, given, foreign);
  const { messages, tools, think, logprobs, top_logprobs = 0 } = request;
  const head = toHead(service, context);
  if (messages === undefined) {
    assertModel(toModelName(request.model, service), service);
    return toLoaded(head, asMessage);
  }
  const body = {
    ...toSharedFields(request, service),
    ...toEffort(think, service.chatTemplate?.thinks ?? false, foreign),
    messages: messages.map(toChatMessage),
    ...(isBegun(messages.at(-1)) && { continue_final_message: true }),
    ...(tools && { tools }),
    ...(logprobs && { logprobs, top_logprobs }),
  };
  const answer = await askWithNames(context, (renamed) => chat(body, service, renamed));
  return writeAnswer(readChat(answer), head, asMessage);
}

/** Whether the last message is an answer for the model to go on with, as in Ollama. */
function isBegun(last: OllamaMessage | undefined): boolean {
  return last?.role.toLowerCase() === 'assistant' && (last.tool_calls ?? []).length === 0;
}

/** Converts a message. Its place in the list stays, so that errors name it. */
function toChatMessage(message: OllamaMessage): object {
  const { content = '', images, thinking, tool_calls: calls = [], tool_name, ...rest } = message;
  const role = message.role.toLowerCase();
  const name = tool_name ?? rest.name;
  return {
    role,
    content: withImages(content, images),
    ...(role === 'assistant' && { thinking, tool_calls: calls.map(toChatCall) }),
    ...(role === 'tool' && { tool_call_id: rest.tool_call_id }),
    ...(name !== undefined && { name }),
  };
}

function toChatCall(call: unknown): unknown {
  if (!isJsonObject(call) || !isJsonObject(call.function)) return call;
  const { id, function: called } = call;
  return { id, type: 'function', function: { name: called.name, arguments: called.arguments } };
}
