// The request of POST /v1/completions: the fields of OpenAI's legacy completions and of llama-server.
import * as z from 'zod/mini';
import { assertTogether, parseFields } from '../request-body.ts';
import {
  assertStreamOptions,
  generationFields,
  mostChoices,
  mostTopLogprobs,
  tokenNumber,
} from '../request-fields.ts';

const tokens = z.array(tokenNumber()).check(z.minLength(1));

export const completionRequestSchema = z.strictObject({
  model: z.optional(z.string()).check(z.describe('The name of the loaded model. Default: that model.')),
  prompt: z
    .union([
      z.string(),
      z.array(z.string()).check(z.minLength(1), z.maxLength(mostChoices)),
      tokens,
      z.array(tokens).check(z.minLength(1), z.maxLength(mostChoices)),
    ])
    .check(
      z.describe(
        'A text, a list of token numbers, or up to 128 of either. Special tokens in a text are parsed.',
      ),
    ),
  max_tokens: z
    ._default(z.int().check(z.gte(0)), 16)
    .check(z.describe('The most tokens to generate. The prompt and these tokens must fit the context.')),
  best_of: z
    .optional(z.int().check(z.gte(1), z.lte(mostChoices)))
    .check(
      z.describe('Generates this many, and returns the n with the highest mean log-probability. Default: n.'),
    ),
  echo: z._default(z.boolean(), false).check(z.describe('Returns the prompt before the text.')),
  logprobs: z
    .optional(z.int().check(z.gte(0), z.lte(mostTopLogprobs)))
    .check(
      z.describe(
        'Returns the log-probabilities of the tokens, and of this many likeliest alternatives to each.',
      ),
    ),
  suffix: z
    .optional(z.string())
    .check(z.describe('The text that follows the generated text. Only for models that can fill in.')),
  ...generationFields,
});

/** A validated completion request with its defaults. */
export type CompletionRequest = z.output<typeof completionRequestSchema>;

/** Fields of llama-server and vLLM that this server does not support, with the reason or an alternative. */
export const unsupportedSamplers = {
  typical_p: 'the library has no locally typical sampling',
  mirostat: 'the library has no Mirostat',
  mirostat_tau: 'the library has no Mirostat',
  mirostat_eta: 'the library has no Mirostat',
  dynatemp_range: 'the library has no dynamic temperature',
  dynatemp_exponent: 'the library has no dynamic temperature',
  top_n_sigma: 'the library has no top-n-sigma sampling',
  repeat_last_n: 'the repeat penalty always covers the last 64 tokens',
  samplers: 'the order of the samplers is fixed',
  min_keep: '',
  n_probs: "use 'logprobs'",
  n_predict: "use 'max_tokens'",
  n_keep: 'the context is never shifted',
  n_discard: 'the context is never shifted',
  n_indent: '',
  id_slot: 'the server chooses the slot by its cached prompt',
  lora: '',
  post_sampling_probs: 'log-probabilities are taken before sampling',
  response_fields: '',
} as const;

/**
 * Parses the body of a completion request.
 *
 * @throws {RequestError} with the name of the field that is missing, invalid, unknown or not supported
 */
export function parseCompletionRequest(body: unknown): CompletionRequest {
  const request = parseFields(completionRequestSchema, unsupportedSamplers, body);
  const { stream, best_of, n, suffix, echo } = request;
  assertStreamOptions(request);
  assertTogether(
    best_of === undefined || best_of >= n,
    'best_of',
    `'best_of' must be at least 'n', not ${best_of}: 'n' is ${n}.`,
  );
  assertTogether(
    best_of === undefined || best_of === n || !stream,
    'best_of',
    "'best_of' above 'n' cannot stream, because the best choices are known only at the end.",
  );
  assertTogether(suffix === undefined || !echo, 'echo', "'echo' and 'suffix' cannot be used together.");
  assertTogether(
    suffix === undefined || typeof request.prompt === 'string',
    'suffix',
    "'suffix' needs a 'prompt' that is one text.",
  );
  return request;
}

/** One prompt of a request: a text or its tokens. */
export type Prompt = string | readonly number[];

/** Returns the prompts of a request as a list. */
export function toPrompts(prompt: CompletionRequest['prompt']): readonly Prompt[] {
  if (typeof prompt === 'string') return [prompt];
  return isTokens(prompt) ? [prompt] : prompt;
}

function isTokens(prompt: readonly unknown[]): prompt is readonly number[] {
  return typeof prompt[0] === 'number';
}
