// From a request's fields to what the engine is asked for, with what depends on the loaded model checked.
import type { GenerationRequest, Sampling, Token } from '../engine/engine.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import type { GenerationFields } from './request-fields.ts';
import type { ModelService } from './service.ts';

/** No vocabulary has longer tokens; the longest are runs of blanks or of dashes. */
const longestTokenInCharacters = 256;

/** Below it the division by it overflows llama.cpp's 32-bit floats, and the text is noise. */
const lowestTemperature = 1e-5;

/** OpenAI's -100 and 100 mean never and always; llama.cpp would only make them unlikely and likely. */
const forbiddingBias = -100;

/** What a choice is generated with, but for its prompt, its tokens and its grammar. */
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

/** The sampling of another choice of the same prompt. */
export function withSeedOffset(sampling: Sampling, offset: number): Sampling {
  return offset === 0 ? sampling : { ...sampling, seed: toUnsigned32(sampling.seed + offset) };
}

function toLogitBias(
  given: Readonly<Record<string, number>>,
  vocabularySize: number,
): ReadonlyMap<Token, number> {
  const biases = Object.entries(given).map(([key, bias]): [Token, number] => {
    const token = Number(key);
    assertToken(token, vocabularySize, `logit_bias.${key}`);
    return [token, bias === forbiddingBias ? Number.NEGATIVE_INFINITY : bias];
  });
  return new Map(biases);
}

/** llama.cpp's seeds have 32 bits, and it takes the highest for "draw one at random". */
function toUnsigned32(seed: number): number {
  const low = Number(BigInt.asUintN(32, BigInt(seed)));
  return low === 0xffff_ffff ? 0 : low;
}

/** @throws {RequestError} when another model was asked for than the one that is loaded */
export function assertModel(asked: string | undefined, loaded: string): void {
  if (asked === undefined || asked === loaded) return;
  throw new RequestError('model_not_found', `The model asked for is not here; this server has '${loaded}'.`, {
    param: 'model',
  });
}

/** @throws {RequestError} when the model was made for vectors or rankings */
export function assertGenerates({ engine, embedder }: ModelService): void {
  if (engine.slots > 0) return;
  const path = embedder?.ability.type === 'rank' ? '/v1/rerank' : '/v1/embeddings';
  throw new RequestError('invalid_value', `This model generates no text: it was made for ${path}.`, {
    param: 'model',
  });
}

/** @throws {RequestError} when the vocabulary ends before the token */
export function assertToken(token: Token, vocabularySize: number, param: string): void {
  if (token < vocabularySize) return;
  throw new RequestError(
    'invalid_value',
    `'${param}' must be a token of this model, less than ${vocabularySize}, not ${token}.`,
    { param },
  );
}

/**
 * Turns a prompt into tokens.
 *
 * @throws {RequestError} when it has more characters than could ever fit
 */
export function tokenizePrompt(text: string, { engine }: ModelService, param: string): Token[] {
  assertMayFit(text, engine.contextSize, param);
  return engine.tokenize(text);
}

/** Turning megabytes into tokens blocks for seconds, to say in the end that they are too many. */
export function assertMayFit(text: string, contextSize: number, param: string): void {
  if (text.length <= contextSize * longestTokenInCharacters) return;
  throw new RequestError(
    'context_length_exceeded',
    `This model's context holds ${contextSize} tokens, and the ${text.length} characters of '${param}' are more ` +
      `than that. Shorten it.`,
    { param },
  );
}

/** @throws {RequestError} when the prompt has no tokens, or with the most tokens of the answer does not fit */
export function assertFits(
  promptTokens: number,
  maxTokens: number,
  contextSize: number,
  params: { readonly prompt: string; readonly maxTokens: string },
): void {
  if (promptTokens === 0) {
    throw new RequestError('invalid_value', `'${params.prompt}' must have at least one token.`, {
      param: params.prompt,
    });
  }
  // A prompt that fills the context has no place for a first token.
  if (promptTokens + Math.max(1, maxTokens) <= contextSize) return;
  throw new RequestError(
    'context_length_exceeded',
    `This model's context holds ${contextSize} tokens, but ${promptTokens + maxTokens} were asked for: ` +
      `${promptTokens} in the prompt and ${maxTokens} in '${params.maxTokens}'. Shorten one of them.`,
    { param: promptTokens >= contextSize ? params.prompt : params.maxTokens },
  );
}
