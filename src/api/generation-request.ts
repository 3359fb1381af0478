// Converts the fields of a request to the engine's request, and validates them against the loaded model.
import type { GenerationRequest, Sampling, Token } from '../engine/engine.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import type { GenerationFields } from './request-fields.ts';
import type { ModelService } from './service.ts';

/** No vocabulary has longer tokens. The longest are runs of spaces or dashes. */
const longestTokenInCharacters = 256;

/** Division by a lower temperature overflows llama.cpp's 32-bit floats, and the text becomes noise. */
const lowestTemperature = 1e-5;

/** In OpenAI's API a bias of -100 forbids a token. In llama.cpp it would only make the token unlikely. */
const forbiddingBias = -100;

/** Converts the fields that do not concern the prompt, the number of tokens or the grammar. */
export function toGenerationOptions(
  fields: GenerationFields,
  { engine }: ModelService,
  { seed, endBy }: RequestContext,
): Omit<GenerationRequest, 'prompt' | 'maxTokens' | 'grammar'> {
  const { stop, cache_prompt, t_max_predict_ms } = fields;
  return {
    sampling: toSampling(fields, fields.seed ?? seed, engine.properties.vocabularySize),
    stop: typeof stop === 'string' ? [stop] : stop,
    cachePrompt: cache_prompt,
    ...(t_max_predict_ms !== undefined && { maxPredictMs: t_max_predict_ms }),
    ...(endBy !== undefined && { endBy }),
  };
}

function toSampling(fields: GenerationFields, seed: number, vocabularySize: number): Sampling {
  const { temperature, dry_multiplier, dry_penalty_last_n, xtc_probability } = fields;
  return {
    temperature: temperature < lowestTemperature ? 0 : temperature,
    topP: fields.top_p,
    topK: fields.top_k,
    minP: fields.min_p,
    repeatPenalty: fields.repeat_penalty,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    logitBias: toLogitBias(fields.logit_bias, vocabularySize),
    ...(dry_multiplier > 0 && {
      dry: {
        multiplier: dry_multiplier,
        base: fields.dry_base,
        allowedLength: fields.dry_allowed_length,
        lastTokens: dry_penalty_last_n === -1 ? null : dry_penalty_last_n,
        sequenceBreakers: fields.dry_sequence_breakers,
      },
    }),
    ...(xtc_probability > 0 && { xtc: { probability: xtc_probability, threshold: fields.xtc_threshold } }),
    ignoreEndOfGeneration: fields.ignore_eos,
    seed: toUnsigned32(seed),
  };
}

/** Returns the sampling of another choice of the same prompt: its seed is higher by `offset`. */
export function withSeedOffset(sampling: Sampling, offset: number): Sampling {
  return offset === 0 ? sampling : { ...sampling, seed: toUnsigned32(sampling.seed + offset) };
}

function toLogitBias(
  logitBias: Readonly<Record<string, number>>,
  vocabularySize: number,
): ReadonlyMap<Token, number> {
  const biases = Object.entries(logitBias).map(([key, bias]): [Token, number] => {
    const token = Number(key);
    assertToken(token, vocabularySize, `logit_bias.${key}`);
    return [token, bias === forbiddingBias ? Number.NEGATIVE_INFINITY : bias];
  });
  return new Map(biases);
}

/** Reduces a seed to 32 bits. Avoids the highest value, which means "draw a random seed" in llama.cpp. */
function toUnsigned32(seed: number): number {
  const low = Number(BigInt.asUintN(32, BigInt(seed)));
  return low === 0xffff_ffff ? 0 : low;
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

/** @throws {RequestError} `invalid_value` when the model is an embedding or reranking model */
export function assertGenerates({ engine, embedder }: ModelService): void {
  if (engine.slots > 0) return;
  const path = embedder?.ability.type === 'rank' ? '/v1/rerank' : '/v1/embeddings';
  throw new RequestError('invalid_value', `This model cannot generate text. Use ${path}.`, {
    param: 'model',
  });
}

/** @throws {RequestError} `invalid_value` when the token is not in the vocabulary */
export function assertToken(token: Token, vocabularySize: number, param: string): void {
  if (token < vocabularySize) return;
  throw new RequestError(
    'invalid_value',
    `'${param}' must be a token of this model, lower than ${vocabularySize}, not ${token}.`,
    { param },
  );
}

/**
 * Converts a prompt to tokens.
 *
 * @throws {RequestError} `context_length_exceeded` when the prompt has too many characters to fit the context
 */
export function tokenizePrompt(text: string, { engine }: ModelService, param: string): Token[] {
  assertMayFit(text, engine.contextSize, param);
  return engine.tokenize(text);
}

/**
 * Rejects a text that cannot fit, before its tokenization: megabytes would block the process for seconds.
 *
 * @throws {RequestError} `context_length_exceeded` when the text has too many characters to fit the context
 */
export function assertMayFit(text: string, contextSize: number, param: string): void {
  if (text.length <= contextSize * longestTokenInCharacters) return;
  throw new RequestError(
    'context_length_exceeded',
    `The ${text.length} characters of '${param}' do not fit the context of ${contextSize} tokens. Shorten it.`,
    { param },
  );
}

/**
 * @throws {RequestError} `invalid_value` when the prompt has no tokens, `context_length_exceeded` when it leaves no room for a
 * token in the context
 */
export function assertFits(promptTokens: number, contextSize: number, param: string): void {
  if (promptTokens === 0) {
    throw new RequestError('invalid_value', `'${param}' must have at least one token.`, { param });
  }
  if (promptTokens < contextSize) return;
  throw new RequestError(
    'context_length_exceeded',
    `The request needs ${promptTokens + 1} tokens of context: ${promptTokens} for the prompt and at least 1 for the ` +
      `answer. The context has ${contextSize}. Shorten '${param}'.`,
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
