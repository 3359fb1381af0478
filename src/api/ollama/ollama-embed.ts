// POST /api/embed and its older form POST /api/embeddings: requests in Ollama's format, as embeddings.
import { performance } from 'node:perf_hooks';
import type { RequestContext } from '../../generation/context.ts';
import { embed } from '../embeddings/embeddings.ts';
import { assertModel } from '../generation-request.ts';
import { assertFewItems, parseFields } from '../request-body.ts';
import type { ModelService } from '../service.ts';
import { toNanoseconds } from './ollama-answer.ts';
import { mostItems, toModelName, toTaggedName } from './ollama-fields.ts';
import { askWithNames } from './ollama-names.ts';
import { ollamaEmbeddingsSchema, ollamaEmbedSchema, unsupportedFields } from './ollama-request.ts';

/**
 * Answers POST /api/embed with a vector for each text.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model, or the model cannot embed
 */
export async function embedAsOllama(
  given: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<object> {
  assertFewItems(given, 'input', mostItems);
  const request = parseFields(ollamaEmbedSchema, unsupportedFields, given, context.foreignFields);
  const { input, dimensions = 0 } = request;
  const name = toModelName(request.model, service);
  const model = toTaggedName(service.model);
  if (input === undefined) {
    assertModel(name, service);
    return { model, embeddings: [] };
  }
  const startedAt = performance.now();
  const body = { model: name, input, ...(dimensions !== 0 && { dimensions }) };
  const { data, usage } = await askWithNames(context, (renamed) => embed(body, service, renamed));
  return {
    model,
    embeddings: data.map(({ embedding }) => embedding),
    total_duration: toNanoseconds(performance.now() - startedAt),
    load_duration: 0,
    prompt_eval_count: usage.prompt_tokens,
  };
}

/**
 * Answers POST /api/embeddings with the vector of one text.
 *
 * @throws {RequestError} as {@link embedAsOllama} does
 */
export async function embedPromptAsOllama(
  given: unknown,
  service: ModelService,
  context: RequestContext,
): Promise<object> {
  const request = parseFields(ollamaEmbeddingsSchema, unsupportedFields, given, context.foreignFields);
  const model = toModelName(request.model, service);
  if (request.prompt === undefined) {
    assertModel(model, service);
    return { embedding: [] };
  }
  const body = { model, input: request.prompt };
  const { data } = await askWithNames(context, (renamed) => embed(body, service, renamed), {
    input: 'prompt',
  });
  return { embedding: data[0]?.embedding ?? [] };
}
