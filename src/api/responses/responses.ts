// POST /v1/responses: answers a parsed JSON body with a response, or a stream of its events. A chat generates it.
import type { RequestContext } from '../../generation/context.ts';
import { chat } from '../chat/chat.ts';
import type { ChatChoice, ChatChunk, ChatCompletion } from '../chat/chat-completion.ts';
import { askRenamed } from '../renamed-fields.ts';
import type { ModelService } from '../service.ts';
import { eventStreamType, StreamAnswer, type StreamFormat, writeTypedEvent } from '../stream-answer.ts';
import { parseResponsesRequest, type ResponsesRequest } from './chat-body.ts';
import { toStoredItems } from './input-items.ts';
import { type Response, toResponseHead } from './response.ts';
import { openResponseStore } from './response-store.ts';
import { type ResponseChunk, type ResponseEvent, ResponseWriter } from './response-writer.ts';
import { responsesRequestSchema } from './responses-fields.ts';
import { askTruncated } from './truncation.ts';

/** The endpoint, loaded by its first request. */
export const responses = { schema: responsesRequestSchema, answer: respond };

/**
 * Answers a request: with events if it sets `stream`, else with an object.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function respond(
  body: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<Response | StreamAnswer> {
  const store = openResponseStore(service, context);
  const { foreignFields: foreign, signal, endBy } = context;
  const request = await parseResponsesRequest(body, { foreign, store, signal });
  const answer = await askRenamed(request.rename, context, (renamed) => askChat(request, service, renamed));
  const { id: requestId, receivedAt: createdAt } = context;
  const { isStored, items } = request;
  const { model, samplingDefaults } = service;
  const head = toResponseHead(request, { requestId, createdAt, model, isStored, samplingDefaults });
  const { summary, generate_summary } = request.fields.reasoning ?? {};
  const writer = new ResponseWriter(head, { asSummary: (summary ?? generate_summary) !== undefined });
  const keep: Keep = async (response) =>
    store !== undefined &&
    isStored &&
    (await store.keep({ response, input: toStoredItems(items, response.id) }, endBy));
  if (Symbol.asyncIterator in answer)
    return new StreamAnswer(writeEvents(answer, writer, keep), toFormat(writer));
  for (const chunk of toChunks(answer)) writer.take(chunk);
  writer.close();
  writer.end({ isStored: await keep(writer.response) });
  return writer.response;
}

/** Stores a response where that is asked for. Returns whether it is stored. */
type Keep = (response: Response) => Promise<boolean>;

function askChat({ chat: body, fields }: ResponsesRequest, service: ModelService, context: RequestContext) {
  if (fields.truncation !== 'auto') return chat(body, service, context);
  // The first attempt has told the ignored fields.
  return askTruncated(body.messages, (messages, isFirst) =>
    chat({ ...body, messages }, service, isFirst ? context : { ...context, foreignFields: undefined }),
  );
}

async function* writeEvents(
  chunks: AsyncGenerator<ChatChunk, void, void>,
  writer: ResponseWriter,
  keep: Keep,
): AsyncGenerator<ResponseEvent, void, void> {
  let hasBegun = false;
  for await (const chunk of chunks) {
    // Not before the loop: a client that leaves between these events would not end the chunks.
    if (!hasBegun) yield* writer.begin();
    hasBegun = true;
    yield* writer.take(chunk);
  }
  yield* writer.close();
  // Before the last event, after which a client may refer to it.
  yield writer.end({ isStored: await keep(writer.response) });
}

/** Server-sent events with names and without a mark at their end. */
function toFormat(writer: ResponseWriter): StreamFormat {
  return {
    contentType: eventStreamType,
    write: (event) => writeTypedEvent(event as ResponseEvent),
    end: '',
    fail: (error) => writer.fail(error).map(writeTypedEvent).join(''),
  };
}

/** Converts a chat's whole answer to the chunks of a stream with the same items. */
function* toChunks({
  choices: [choice],
  usage,
  timings,
}: ChatCompletion): Generator<ResponseChunk, void, void> {
  if (choice === undefined) return;
  const { content, reasoning_content, tool_calls = [] } = choice.message;
  const toChunk = (
    delta: ChatChunk['choices'][number]['delta'],
    logprobs: ChatChoice['logprobs'] = null,
  ) => ({
    choices: [{ index: 0, delta, finish_reason: null, logprobs }],
  });
  if (reasoning_content !== undefined) yield toChunk({ reasoning_content });
  if (content !== null && content !== '') {
    const { logprobs } = choice;
    const thoughts = usage.completion_tokens_details?.reasoning_tokens ?? 0;
    yield toChunk({ content }, logprobs && { ...logprobs, content: logprobs.content.slice(thoughts) });
  }
  for (const [index, call] of tool_calls.entries()) yield toChunk({ tool_calls: [{ index, ...call }] });
  yield { choices: [{ index: 0, delta: {}, finish_reason: choice.finish_reason, logprobs: null }], timings };
  yield { choices: [], usage };
}
