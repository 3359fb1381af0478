// The request fields of llama.cpp's samplers, by the names of llama-server and of vLLM. The engine brings numbers that are out
// of a sampler's range into it.
import * as z from 'zod/mini';

export const samplerFields = {
  typical_p: z
    ._default(z.number(), 1)
    .check(
      z.describe('Keeps the most typical tokens until their probabilities add up to this. 1 keeps all.'),
    ),
  top_n_sigma: z
    ._default(z.number(), -1)
    .check(
      z.describe(
        'Drops tokens whose logit is more than this many standard deviations below the highest. -1 drops none.',
      ),
    ),
  dynatemp_range: z
    ._default(z.number(), 0)
    .check(
      z.describe('Adapts the temperature to the entropy, from temperature - range to temperature + range.'),
    ),
  dynatemp_exponent: z._default(z.number(), 1).check(z.describe('How fast it adapts.')),
  mirostat: z
    ._default(z.int().check(z.gte(0), z.lte(2)), 0)
    .check(
      z.describe(
        'Mirostat, version 1 or 2, keeps the surprise of the text near mirostat_tau, in the place of the samplers that drop tokens. 0 is off.',
      ),
    ),
  mirostat_tau: z._default(z.number(), 5).check(z.describe('The target of mirostat, in bits a token.')),
  mirostat_eta: z._default(z.number(), 0.1).check(z.describe('How fast mirostat adapts.')),
  adaptive_target: z
    ._default(z.number(), -1)
    .check(
      z.describe('Keeps the probability of the chosen tokens near this (adaptive-p). A negative one is off.'),
    ),
  adaptive_decay: z
    ._default(z.number(), 0.9)
    .check(z.describe('How much of the past adaptive_target counts, from 0 to 0.99.')),
  samplers: z
    .optional(z.union([z.string(), z.array(z.string()).check(z.maxLength(64))]))
    .check(
      z.describe(
        'The samplers to apply, in this order; the others are off. A list of penalties, dry, top_n_sigma, top_k, typ_p, top_p, min_p, xtc, temperature and adaptive_p, which is also the default order, or a string of their letters: edskypmxta.',
      ),
    ),
  min_keep: z
    ._default(z.int().check(z.gte(0)), 0)
    .check(z.describe('The fewest tokens that top_p, min_p, typical_p and xtc leave.')),
  repeat_last_n: z
    .optional(z.int().check(z.gte(-1)))
    .check(
      z.describe(
        'How many of the last tokens of prompt and text repeat_penalty counts. 0 is none, -1 is all. Default: 64, or all with repetition_penalty.',
      ),
    ),
  repetition_penalty: z
    ._default(z.number().check(z.gt(0)), 1)
    .check(
      z.describe(
        "vLLM's name of repeat_penalty. Counts all tokens of prompt and text, and replaces repeat_penalty unless it is 1.",
      ),
    ),
  min_tokens: z
    ._default(z.int().check(z.gte(0)), 0)
    .check(z.describe('Before so many tokens, neither the model nor a stop string ends the text.')),
  n_probs: z
    .optional(z.int().check(z.gte(0)))
    .check(z.describe("llama-server's name of the number of alternatives whose log-probabilities return.")),
};
