// Converts the fields of a request to the engine's request, and validates them against the loaded model.
import type { Engine, GenerationRequest, Token } from '../engine/engine.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import type { GenerationFields } from './request-fields.ts';
import { toSampling } from './sampling.ts';
import type { ModelService } from './service.ts';

/** No vocabulary has longer tokens. The longest are runs of spaces or dashes. */
const longestTokenInCharacters = 256;

/** Converts the fields that do not concern the prompt, the number of tokens or the grammar. */
export function toGenerationOptions(
  fields: GenerationFields,
  service: ModelService,
  context: Pick<RequestContext, 'seed' | 'endBy' | 'tenant'>,
): Omit<GenerationRequest, 'prompt' | 'maxTokens' | 'grammar'> {
  const { stop, cache_prompt, t_max_predict_ms } = fields;
  const { engine, samplingDefaults } = service;
  const { seed, endBy } = context;
  return {
    sampling: toSampling(fields, fields.seed ?? seed, engine, samplingDefaults),
    stop: typeof stop === 'string' ? [stop] : stop,
    cachePrompt: cache_prompt,
    ...(t_max_predict_ms !== undefined && { maxPredictMs: t_max_predict_ms }),
    ...toCacheScope(service, context),
    ...(endBy !== undefined && { endBy }),
  };
}

/** Whose cached prompts a request may reuse. */
export function toCacheScope(
  { separatesCaches = false }: Pick<ModelService, 'separatesCaches'>,
  { tenant }: Pick<RequestContext, 'tenant'>,
): Pick<GenerationRequest, 'cacheScope'> {
  return separatesCaches ? { cacheScope: tenant ?? '' } : {};
}

/** @throws {RequestError} `model_not_found` under the strict rule, when the model has another name */
export function assertModel(
  requested: string | undefined,
  {
    model,
    modelAliases = [],
    strictModel = false,
  }: Pick<ModelService, 'model' | 'modelAliases' | 'strictModel'>,
): void {
  if (!strictModel || requested === undefined || requested === model || modelAliases.includes(requested))
    return;
  throw new RequestError('model_not_found', `Unknown model. This server has only '${model}'.`, {
    param: 'model',
  });
}

/** @throws {RequestError} as {@link assertModel} does; `missing_required_parameter` under the strict rule, without a model */
export function assertNamedModel(requested: string | undefined, service: ModelService): void {
  if (service.strictModel && requested === undefined)
    throw new RequestError('missing_required_parameter', "'model' is required.", { param: 'model' });
  assertModel(requested, service);
}

/** @throws {RequestError} `invalid_value` when the model is an embedding or reranking model */
export function assertGenerates({ engine, embedder }: ModelService): void {
  if (engine.slots > 0) return;
  const path = embedder?.ability.type === 'rank' ? '/v1/rerank' : '/v1/embeddings';
  throw new RequestError('invalid_value', `This model cannot generate text. Use ${path}.`, {
    param: 'model',
  });
}

/**
 * Converts a prompt to tokens.
 *
 * @throws {RequestError} `context_length_exceeded` when the prompt has too many characters to fit the context
 */
export async function tokenizePrompt(
  text: string,
  { engine }: ModelService,
  param: string,
): Promise<Token[]> {
  assertMayFit(text, engine.contextSize, param);
  return engine.tokenizeAside(text, { special: true, isPrompt: true });
}

/**
 * Rejects a text that cannot fit, before its tokenization: megabytes would take seconds.
 *
 * @throws {RequestError} `context_length_exceeded` when the text has too many characters to fit the context
 */
export function assertMayFit(text: string, contextSize: number, param: string): void {
  if (text.length <= contextSize * longestTokenInCharacters) return;
  throw new RequestError(
    'context_length_exceeded',
    `The ${text.length} characters of '${param}' do not fit the context of ${contextSize} tokens, the server's CONTEXT_SIZE. Shorten it.`,
    { param },
  );
}

/** How many tokens the server takes, and how many its model was trained with. */
type ContextLimits = Pick<Engine, 'contextSize'> & {
  readonly properties: Pick<Engine['properties'], 'trainContextSize'>;
};

/**
 * @throws {RequestError} `invalid_value` when the prompt has no tokens, `context_length_exceeded` when it leaves no room for a
 * token in the context
 */
export function assertFits(promptTokens: number, engine: ContextLimits, param: string): void {
  const { contextSize, properties } = engine;
  if (promptTokens === 0) {
    throw new RequestError('invalid_value', `'${param}' must have at least one token.`, { param });
  }
  if (promptTokens < contextSize) return;
  const { trainContextSize } = properties;
  throw new RequestError(
    'context_length_exceeded',
    `The request needs ${promptTokens + 1} tokens of context: ${promptTokens} for the prompt and at least 1 for the ` +
      `answer. The context has ${contextSize}, the server's CONTEXT_SIZE` +
      `${trainContextSize > contextSize ? `; the model takes up to ${trainContextSize}` : ''}. Shorten '${param}'.`,
    { param },
  );
}

/**
 * Returns the most tokens to generate: the smallest limit of the request, and no more than the context has room for.
 *
 * @param limits -1 is as many as fit
 * @param fallback the limit of a request without one
 */
export function toMaxTokens(
  limits: readonly (number | undefined)[],
  promptTokens: number,
  contextSize: number,
  fallback = -1,
): number {
  const given = limits.filter((limit) => limit !== undefined);
  const bounds = given.length === 0 ? [fallback] : given;
  return Math.min(contextSize - promptTokens, ...bounds.filter((limit) => limit >= 0));
}
