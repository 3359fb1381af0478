// POST /api/generate: a request in Ollama's format, as a chat of one message or as a completion.
import { RequestError } from '../../errors/request-error.ts';
import type { RequestContext } from '../../generation/context.ts';
import { chat } from '../chat/chat.ts';
import { complete } from '../completions/completions.ts';
import { assertModel } from '../generation-request.ts';
import { assertTogether, parseFields } from '../request-body.ts';
import type { ModelService } from '../service.ts';
import { type ReadAnswer, readChat, readCompletion } from './answer-parts.ts';
import { asResponse, toHead, toLoaded, writeAnswer } from './ollama-answer.ts';
import { toEffort, toModelName, toSharedFields, withImages } from './ollama-fields.ts';
import { askWithNames } from './ollama-names.ts';
import { type OllamaGenerate, ollamaGenerateSchema, unsupportedFields } from './ollama-request.ts';

/**
 * Answers a prompt, in lines unless the request sets `stream` to false. The prompt becomes a message of the user. With `raw` or
 * `suffix`, and for a model without a chat template, it is continued as it is.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model
 */
export async function generateAsOllama(
  given: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<object> {
  const request = parseFields(ollamaGenerateSchema, unsupportedFields, given, context.foreignFields);
  const { prompt, suffix, system, raw } = request;
  const head = toHead(service, context);
  if (prompt === undefined) {
    assertModel(toModelName(request.model, service), service);
    return toLoaded(head, asResponse);
  }
  assertTogether(!raw || system === undefined, 'system', "'system' and 'raw' cannot be used together.");
  const isCompletion = raw || suffix !== undefined || service.chatTemplate === undefined;
  const answer = isCompletion
    ? await continuePrompt(prompt, request, service, context)
    : await answerPrompt(prompt, request, service, context);
  return writeAnswer(answer, head, asResponse);
}

async function answerPrompt(
  prompt: string,
  request: OllamaGenerate,
  service: ModelService,
  context: RequestContext,
): Promise<ReadAnswer> {
  const { system, images, think, logprobs, top_logprobs = 0 } = request;
  const body = {
    ...toSharedFields(request, service),
    ...toEffort(think, service.chatTemplate?.thinks ?? false, context.foreignFields),
    messages: [
      ...(system === undefined ? [] : [{ role: 'system', content: system }]),
      { role: 'user', content: withImages(prompt, images) },
    ],
    ...(logprobs && { logprobs, top_logprobs }),
  };
  return readChat(
    await askWithNames(context, (renamed) => chat(body, service, renamed), { messages: 'prompt' }),
  );
}

async function continuePrompt(
  prompt: string,
  request: OllamaGenerate,
  service: ModelService,
  context: RequestContext,
): Promise<ReadAnswer> {
  const { suffix, system, images, think, logprobs, top_logprobs = 0 } = request;
  assertNoImages(images, service, context);
  toEffort(think, false, context.foreignFields);
  const body = {
    ...toSharedFields(request, service),
    prompt: system === undefined || suffix !== undefined ? prompt : `${system}\n\n${prompt}`,
    ...(suffix !== undefined && { suffix }),
    ...(logprobs && { logprobs: top_logprobs }),
  };
  const answer = await askWithNames(context, (renamed) => complete(body, service, renamed));
  return readCompletion(answer, top_logprobs);
}

/** As a chat does. */
function assertNoImages(
  images: OllamaGenerate['images'],
  { imagePlaceholders = false }: ModelService,
  { foreignFields: foreign }: RequestContext,
): void {
  if (images === undefined) return;
  const message = 'This model reads only text. Remove the image.';
  if (!imagePlaceholders) throw new RequestError('unsupported_parameter', message, { param: 'images' });
  foreign?.leaveOut('images', message);
}
