// The fields that several requests share, with their descriptions in the OpenAPI document.
// Zod Mini instead of Zod takes 5 ms of a cold start instead of 14, and a quarter of the bytes.
import * as z from 'zod/mini';
import type { ForeignFields } from '../generation/foreign-fields.ts';
import { logitBiasField } from './logit-bias.ts';
import { samplerFields } from './sampler-fields.ts';
import { constraintFields } from './text-constraint.ts';

/** The most choices, prompts or alternatives that one request may ask for. */
export const mostChoices = 128;

/**
 * The most alternatives to each token that a request may ask for. OpenAI allows 20 in chat, 5 in completions.
 */
export const mostTopLogprobs = 20;

/** The most stop strings. Each is looked for behind every token. */
const mostStops = 256;

/** Matches a text of at least one character. */
export function nonEmptyText() {
  return z.string().check(z.minLength(1));
}

/** Matches a token's number in the model's vocabulary. */
export function tokenNumber() {
  return z.int().check(z.gte(0), z.lte(0xffff_ffff));
}

/** A number without a fraction. JSON has larger ones than JavaScript's exact integers. */
function wholeNumber() {
  return z.number().check(z.refine(Number.isInteger, 'a whole number'), z.meta({ type: 'integer' }));
}

/** Matches a limit of tokens. -1 is as many as fit the context, as in llama-server and vLLM. */
export function tokenLimit() {
  return wholeNumber().check(z.gte(-1));
}

/** The sampling options of OpenAI and llama.cpp. The defaults of the first four are the model's: see `toSampling`. */
const samplingFields = {
  temperature: z
    .optional(z.number().check(z.gte(0)))
    .check(
      z.describe(
        'The randomness of sampling. 0 always chooses the likeliest token. Default: the advice of the model’s makers, or 1.',
      ),
    ),
  top_p: z
    .optional(z.number().check(z.gte(0), z.lte(1)))
    .check(
      z.describe(
        'Keeps the likeliest tokens until their probabilities add up to this. 1 keeps all. Default: as for temperature, or 1.',
      ),
    ),
  top_k: z
    .optional(wholeNumber().check(z.gte(-1)))
    .check(
      z.describe(
        'Keeps this many of the likeliest tokens. 0 and -1 keep all. Default: as for temperature, or 0.',
      ),
    ),
  min_p: z
    .optional(z.number().check(z.gte(0), z.lte(1)))
    .check(
      z.describe(
        'Drops tokens less likely than this fraction of the likeliest one. Default: as for temperature, or 0.',
      ),
    ),
  repeat_penalty: z
    ._default(z.number().check(z.gt(0), z.lte(10)), 1)
    .check(z.describe('Makes the last tokens, prompt included, less likely. 1 changes nothing.')),
  presence_penalty: z
    ._default(z.number().check(z.gte(-2), z.lte(2)), 0)
    .check(z.describe('Subtracted from the logit of every token that was already generated.')),
  frequency_penalty: z
    ._default(z.number().check(z.gte(-2), z.lte(2)), 0)
    .check(z.describe('Subtracted from the logit of a token for each time it was generated.')),
  logit_bias: logitBiasField,
  dry_multiplier: z
    ._default(z.number().check(z.gte(0), z.lte(10)), 0)
    .check(
      z.describe('The strength of the penalty for repeated sequences of generated tokens (DRY). 0 is off.'),
    ),
  dry_base: z
    ._default(z.number().check(z.gte(1), z.lte(10)), 1.75)
    .check(z.describe('The factor by which that penalty grows with each token that a sequence is longer.')),
  dry_allowed_length: z
    ._default(z.int().check(z.gte(1)), 2)
    .check(z.describe('Repeated sequences of up to this many tokens have no penalty.')),
  dry_penalty_last_n: z
    ._default(z.int().check(z.gte(-1)), -1)
    .check(z.describe('How many of the last generated tokens are searched for repetitions. -1 is all.')),
  dry_sequence_breakers: z
    ._default(z.array(nonEmptyText()).check(z.maxLength(64)), ['\n', ':', '"', '*'])
    .check(z.describe('Texts that a repeated sequence does not reach across.')),
  xtc_probability: z
    ._default(z.number().check(z.gte(0), z.lte(1)), 0)
    .check(
      z.describe('The probability of dropping all likely tokens except the least likely of them (XTC).'),
    ),
  xtc_threshold: z
    ._default(z.number().check(z.gte(0), z.lte(1)), 0.1)
    .check(z.describe('The lowest probability of a likely token, for xtc_probability.')),
  ...samplerFields,
  ignore_eos: z._default(z.boolean(), false).check(z.describe('Forbids the model to end its text.')),
  seed: z
    .optional(
      z.pipe(
        wholeNumber().check(z.gte(-(2 ** 63)), z.lte(2 ** 64)),
        z.transform((seed) => (seed === -1 ? undefined : seed)),
      ),
    )
    .check(
      z.describe(
        'The same seed and settings generate the same text. Only the low 32 bits are used. -1, the default, draws a seed.',
      ),
    ),
};

/**
 * The fields of every request that generates text: sampling, the end of the text, constraints and the answer.
 */
export const generationFields = {
  ...samplingFields,
  stop: z
    ._default(z.union([nonEmptyText(), z.array(nonEmptyText()).check(z.maxLength(mostStops))]), [])
    .check(z.describe(`A string or up to ${mostStops} strings. The text ends before the first of them.`)),
  n: z
    ._default(z.int().check(z.gte(1), z.lte(mostChoices)), 1)
    .check(z.describe('How many choices to generate. Each has a seed higher by one than the choice before.')),
  stream: z
    ._default(z.boolean(), false)
    .check(z.describe('Answers with server-sent events while the text is generated.')),
  stream_options: z
    .optional(z.strictObject({ include_usage: z._default(z.boolean(), false) }))
    .check(z.describe('include_usage adds a final chunk with the token counts.')),
  ...constraintFields,
  cache_prompt: z
    ._default(z.union([z.boolean(), z.literal('exact')]), true)
    .check(
      z.describe(
        'Whether the beginning that the prompt shares with earlier ones and their answers is taken from the cache. "exact" takes ' +
          'only so much of it that the text is the one that a cold start generates.',
      ),
    ),
  return_tokens: z
    ._default(z.boolean(), false)
    .check(z.describe("Returns the generated tokens' numbers as `tokens`.")),
  t_max_predict_ms: z
    .optional(
      z.pipe(
        z.int().check(z.gte(-1)),
        z.transform((ms) => (ms > 0 ? ms : undefined)),
      ),
    )
    .check(z.describe('The text ends this many milliseconds after its first token. 0 and -1 are no limit.')),
  timings_per_token: z
    ._default(z.boolean(), false)
    .check(z.describe('Adds the timings so far to every chunk of a stream.')),
  n_predict: z
    .optional(tokenLimit())
    .check(z.describe("llama-server's name of max_tokens. The smallest limit counts.")),
  lora: z
    .optional(z.array(z.unknown()).check(z.maxLength(0)))
    .check(z.describe('The server has no adapters.')),
  user: z
    .optional(z.unknown())
    .check(z.describe('Accepted and not used. The server records nothing about users.')),
};

/** The parsed {@link generationFields}. */
export type GenerationFields = z.output<ReturnType<typeof generationObject>>;

function generationObject() {
  return z.strictObject(generationFields);
}

/**
 * Ignores the options of a stream in a request that asks for none.
 *
 * @throws {RequestError} `unsupported_parameter` under the strict rule
 */
export function leaveOutStreamOptions(
  { stream, stream_options }: Pick<GenerationFields, 'stream' | 'stream_options'>,
  foreign: ForeignFields,
): void {
  if (!stream && stream_options !== undefined)
    foreign.leaveOut('stream_options', "'stream_options' needs 'stream': true.");
}

/** Converts llama-server's `n_probs` to the number of alternatives. 0 asks for none, and for no log-probabilities. */
export function toTopLogprobs(n_probs: number | undefined): number | undefined {
  return n_probs === undefined || n_probs === 0 ? undefined : Math.min(n_probs, mostTopLogprobs);
}
