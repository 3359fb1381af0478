// Converts the sampling fields of a request to the engine's options.
import { type Engine, type SamplerName, type Sampling, samplerOrder } from '../engine/engine.ts';
import { RequestError } from '../errors/request-error.ts';
import { toSeed } from '../generation/seed.ts';
import { toLogitBias } from './logit-bias.ts';
import type { GenerationFields } from './request-fields.ts';

/** llama.cpp's default of `repeat_last_n`. */
const repeatLastTokens = 64;

/** llama-server's letters, as in its option --sampler-seq. */
const samplerLetters: Readonly<Record<string, SamplerName>> = {
  e: 'penalties',
  d: 'dry',
  s: 'top_n_sigma',
  k: 'top_k',
  y: 'typ_p',
  p: 'top_p',
  m: 'min_p',
  x: 'xtc',
  t: 'temperature',
  a: 'adaptive_p',
};

/** More names that llama-server knows, without their dashes and underscores. `typicalp` is the name of the field. */
const samplerAliases: Readonly<Record<string, SamplerName>> = {
  ...Object.fromEntries(samplerOrder.map((name) => [name.replaceAll('_', ''), name])),
  nucleus: 'top_p',
  temp: 'temperature',
  typ: 'typ_p',
  typicalp: 'typ_p',
};

/** The sampling of requests that leave these fields out: OpenAI's, unless the model's makers advise another one. */
export interface SamplingDefaults {
  readonly temperature?: number | undefined;
  readonly top_p?: number | undefined;
  readonly top_k?: number | undefined;
  readonly min_p?: number | undefined;
}

/** @throws {RequestError} `invalid_value` when a bias or the name of a sampler is invalid */
export function toSampling(
  fields: GenerationFields,
  seed: number,
  engine: Pick<Engine, 'properties' | 'tokenizeText'>,
  defaults: SamplingDefaults = {},
): Sampling {
  const { dry_multiplier, dry_penalty_last_n, xtc_probability, mirostat, min_keep, min_tokens } = fields;
  return {
    temperature: fields.temperature ?? defaults.temperature ?? 1,
    topP: fields.top_p ?? defaults.top_p ?? 1,
    topK: fields.top_k ?? defaults.top_k ?? 0,
    minP: fields.min_p ?? defaults.min_p ?? 0,
    ...toRepeatPenalty(fields),
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    logitBias: toLogitBias(fields.logit_bias, engine),
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
    ...(fields.typical_p < 1 && { typicalP: fields.typical_p }),
    ...(fields.top_n_sigma > 0 && { topNSigma: fields.top_n_sigma }),
    ...(fields.dynatemp_range > 0 && {
      dynatemp: { range: fields.dynatemp_range, exponent: fields.dynatemp_exponent },
    }),
    ...(mirostat !== 0 && {
      mirostat: {
        version: mirostat === 1 ? 1 : 2,
        tau: fields.mirostat_tau,
        eta: fields.mirostat_eta,
      },
    }),
    ...(fields.adaptive_target >= 0 && {
      adaptiveP: { target: fields.adaptive_target, decay: fields.adaptive_decay },
    }),
    ...(fields.samplers !== undefined && { samplers: toSamplers(fields.samplers) }),
    ...(min_keep > 0 && { minKeep: min_keep }),
    ...(min_tokens > 0 && { minTokens: min_tokens }),
    ignoreEndOfGeneration: fields.ignore_eos,
    seed: toSeed(seed),
  };
}

/** Returns the sampling of another choice of the same prompt: its seed is higher by `offset`. */
export function withSeedOffset(sampling: Sampling, offset: number): Sampling {
  return offset === 0 ? sampling : { ...sampling, seed: toSeed(sampling.seed + offset) };
}

function toRepeatPenalty({
  repeat_penalty,
  repeat_last_n,
  repetition_penalty,
}: GenerationFields): Pick<Sampling, 'repeatPenalty' | 'repeatLastTokens'> {
  const countsAll = repetition_penalty !== 1;
  const lastTokens = repeat_last_n ?? (countsAll ? -1 : repeatLastTokens);
  return {
    repeatPenalty: countsAll ? repetition_penalty : repeat_penalty,
    repeatLastTokens: lastTokens === -1 ? Number.POSITIVE_INFINITY : lastTokens,
  };
}

function toSamplers(samplers: string | readonly string[]): SamplerName[] {
  const isLetters = typeof samplers === 'string';
  return [...samplers].map((name, index) => {
    const names = isLetters ? samplerLetters : samplerAliases;
    const key = isLetters ? name : name.toLowerCase().replaceAll(/[-_]/g, '');
    const sampler = Object.hasOwn(names, key) ? names[key] : undefined;
    if (sampler !== undefined) return sampler;
    const expected = isLetters
      ? `of the letters ${Object.keys(samplerLetters).join('')}`
      : `a list of ${samplerOrder.join(', ')}`;
    throw new RequestError(
      'invalid_value',
      `'samplers' must be ${expected}. Item ${index} is none of them.`,
      { param: isLetters ? 'samplers' : `samplers.${index}` },
    );
  });
}
