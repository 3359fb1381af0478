// The fields that several requests share, with what is said of them in the OpenAPI document.
// Zod Mini rather than Zod: 5 ms of a cold start instead of 14, and a quarter of the bytes.
import * as z from 'zod/mini';
import { assertTogether } from './request-body.ts';

/** The most choices, prompts or alternatives that one request may ask for. */
export const mostChoices = 128;

/** The most tokens that may be told beside each chosen one. OpenAI's chat has 20, its completions 5. */
export const mostTopLogprobs = 20;

/** A text of at least one character. */
export function nonEmptyText() {
  return z.string().check(z.minLength(1));
}

/** A token's number in the model's vocabulary. */
export function tokenNumber() {
  return z.int().check(z.gte(0), z.lte(0xffff_ffff));
}

/** Which token comes next: OpenAI's fields, and llama.cpp's beside them. */
const samplingFields = {
  temperature: z
    ._default(z.number().check(z.gte(0), z.lte(2)), 1)
    .check(z.describe('How random the choice of tokens is; 0 always takes the likeliest one.')),
  top_p: z
    ._default(z.number().check(z.gte(0), z.lte(1)), 1)
    .check(z.describe('Keep the likeliest tokens until their probabilities add up to this; 1 keeps all.')),
  top_k: z
    ._default(z.int().check(z.gte(0)), 0)
    .check(z.describe('Keep this many of the likeliest tokens; 0 keeps all.')),
  min_p: z
    ._default(z.number().check(z.gte(0), z.lte(1)), 0)
    .check(z.describe('Drop tokens less likely than this fraction of the likeliest one.')),
  repeat_penalty: z
    ._default(z.number().check(z.gt(0), z.lte(10)), 1)
    .check(z.describe('Makes the last 64 tokens, prompt included, less likely; 1 changes nothing.')),
  presence_penalty: z
    ._default(z.number().check(z.gte(-2), z.lte(2)), 0)
    .check(z.describe('Taken from the logit of every token that was generated already.')),
  frequency_penalty: z
    ._default(z.number().check(z.gte(-2), z.lte(2)), 0)
    .check(z.describe('Taken from the logit of a token for each time it was generated.')),
  logit_bias: z
    ._default(
      z.record(
        z.string().check(z.regex(/^\d{1,10}$/, 'a token number')),
        z.number().check(z.gte(-100), z.lte(100)),
      ),
      {},
    )
    .check(z.describe('Added to the logits of tokens, by their numbers; -100 forbids one, 100 forces it.')),
  dry_multiplier: z
    ._default(z.number().check(z.gte(0), z.lte(10)), 0)
    .check(z.describe('Strength of the penalty on repeated sequences of generated tokens (DRY); 0 is off.')),
  dry_base: z._default(z.number().check(z.gte(1), z.lte(10)), 1.75),
  dry_allowed_length: z
    ._default(z.int().check(z.gte(1)), 2)
    .check(z.describe('Repeated sequences of up to so many tokens are free.')),
  dry_penalty_last_n: z
    ._default(z.int().check(z.gte(-1)), -1)
    .check(z.describe('How many generated tokens are searched for repetitions; -1 is all.')),
  dry_sequence_breakers: z._default(z.array(nonEmptyText()).check(z.maxLength(64)), ['\n', ':', '"', '*']),
  xtc_probability: z
    ._default(z.number().check(z.gte(0), z.lte(1)), 0)
    .check(z.describe('How often all likely tokens but the least likely of them are dropped (XTC).')),
  xtc_threshold: z
    ._default(z.number().check(z.gte(0), z.lte(1)), 0.1)
    .check(z.describe('The probability from which on a token is likely in the sense of xtc_probability.')),
  ignore_eos: z._default(z.boolean(), false).check(z.describe('Do not let the model end its text.')),
  seed: z
    .optional(z.int())
    .check(
      z.describe(
        'The same seed and settings give the same text. Drawn at random when absent; its low 32 bits count.',
      ),
    ),
};

/** How a text ends, how it is constrained, and how it is told. */
export const generationFields = {
  ...samplingFields,
  stop: z
    ._default(z.union([nonEmptyText(), z.array(nonEmptyText()).check(z.maxLength(16))]), [])
    .check(z.describe('The text ends before the first of these, a string or up to 16.')),
  n: z
    ._default(z.int().check(z.gte(1), z.lte(mostChoices)), 1)
    .check(
      z.describe('How many choices are generated; the seed of each is one more than of the one before.'),
    ),
  stream: z
    ._default(z.boolean(), false)
    .check(z.describe('Answer with server-sent events, as the text is generated.')),
  stream_options: z
    .optional(z.strictObject({ include_usage: z._default(z.boolean(), false) }))
    .check(z.describe('include_usage adds a last chunk with the token counts.')),
  grammar: z.optional(nonEmptyText()).check(z.describe("What the text must match, in llama.cpp's GBNF.")),
  cache_prompt: z
    ._default(z.boolean(), true)
    .check(z.describe('Whether what the prompt has in common with the last one is taken from the cache.')),
  return_tokens: z
    ._default(z.boolean(), false)
    .check(z.describe("Tell the generated tokens' numbers as `tokens`.")),
  t_max_predict_ms: z
    .optional(z.int().check(z.gte(1)))
    .check(z.describe('The text ends so many milliseconds after its first token.')),
  timings_per_token: z
    ._default(z.boolean(), false)
    .check(z.describe('Tell the timings so far in every chunk of a stream.')),
  user: z.optional(z.string()).check(z.describe('Taken and not used: nothing is recorded about users.')),
};

/** The fields that {@link generationFields} describe, parsed. */
export type GenerationFields = z.output<ReturnType<typeof generationObject>>;

function generationObject() {
  return z.strictObject(generationFields);
}

/** @throws {RequestError} when there are options of a stream, but no stream */
export function assertStreamOptions({
  stream,
  stream_options,
}: Pick<GenerationFields, 'stream' | 'stream_options'>): void {
  assertTogether(
    stream || stream_options === undefined,
    'stream_options',
    "'stream_options' is only for requests with 'stream': true.",
  );
}
