// The request of POST /v1/completions: OpenAI's legacy completion fields, and llama-server's beside them.
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
  model: z.optional(z.string()).check(z.describe('Must name the model that is loaded, when given.')),
  prompt: z
    .union([
      z.string(),
      z.array(z.string()).check(z.minLength(1), z.maxLength(mostChoices)),
      tokens,
      z.array(tokens).check(z.minLength(1), z.maxLength(mostChoices)),
    ])
    .check(
      z.describe(
        'A text, the numbers of its tokens, or up to 128 of either. Special tokens written in a text are read as such.',
      ),
    ),
  max_tokens: z
    ._default(z.int().check(z.gte(0)), 16)
    .check(z.describe('The most tokens to generate. With the prompt they must fit the context.')),
  best_of: z
    .optional(z.int().check(z.gte(1), z.lte(mostChoices)))
    .check(
      z.describe('Generate so many, and answer with the n of the highest mean log-probability. Default: n.'),
    ),
  echo: z._default(z.boolean(), false).check(z.describe('Answer with the prompt before the text.')),
  logprobs: z
    .optional(z.int().check(z.gte(0), z.lte(mostTopLogprobs)))
    .check(
      z.describe('Tell the log-probabilities of the tokens and of so many of the likeliest beside each.'),
    ),
  suffix: z.optional(z.string()).check(z.describe('What comes after the text, for models that can fill in.')),
  ...generationFields,
  json_schema: z
    .optional(z.union([z.boolean(), z.record(z.string(), z.unknown())]))
    .check(z.describe('The JSON Schema of the JSON that the text must be.')),
});

/** A validated completion request, with its defaults filled in. */
export type CompletionRequest = z.output<typeof completionRequestSchema>;

/** What llama-server's and vLLM's completions have and these have not. */
export const unsupportedSamplers = {
  typical_p: 'the library has no locally typical sampling',
  mirostat: 'the library has no Mirostat',
  mirostat_tau: 'the library has no Mirostat',
  mirostat_eta: 'the library has no Mirostat',
  dynatemp_range: 'the library has no dynamic temperature',
  dynatemp_exponent: 'the library has no dynamic temperature',
  top_n_sigma: 'the library has no top-n-sigma sampling',
  repeat_last_n: 'the repeat penalty counts the last 64 tokens',
  samplers: "the samplers' order is fixed",
  min_keep: '',
  n_probs: "use 'logprobs'",
  n_predict: "use 'max_tokens'",
  n_keep: 'a context is never shifted',
  n_discard: 'a context is never shifted',
  n_indent: '',
  id_slot: 'slots are chosen by what they have in their cache',
  lora: '',
  post_sampling_probs: 'log-probabilities are those before sampling',
  response_fields: '',
} as const;

const unsupported = {
  ...unsupportedSamplers,
  response_format: "use 'json_schema' or 'grammar', or POST /v1/chat/completions",
};

/**
 * Parses the body of a completion request.
 *
 * @throws {RequestError} naming the field that is missing, wrong, unknown or not supported
 */
export function parseCompletionRequest(body: unknown): CompletionRequest {
  const request = parseFields(completionRequestSchema, unsupported, body);
  const { stream, best_of, n, suffix, echo, grammar, json_schema } = request;
  assertStreamOptions(request);
  assertTogether(best_of === undefined || best_of >= n, 'best_of', `'best_of' must be at least 'n', ${n}.`);
  assertTogether(
    best_of === undefined || best_of === n || !stream,
    'best_of',
    "'best_of' cannot be streamed: the best is known at the end.",
  );
  assertTogether(suffix === undefined || !echo, 'echo', "'echo' and 'suffix' exclude each other.");
  assertTogether(
    suffix === undefined || typeof request.prompt === 'string',
    'suffix',
    "'suffix' is only for a prompt that is one text.",
  );
  assertTogether(
    grammar === undefined || json_schema === undefined,
    'json_schema',
    "'json_schema' and 'grammar' exclude each other.",
  );
  return request;
}

/** One prompt of a request: a text or its tokens. */
export type Prompt = string | readonly number[];

/** The prompts of a request as a list. */
export function toPrompts(prompt: CompletionRequest['prompt']): readonly Prompt[] {
  if (typeof prompt === 'string') return [prompt];
  return isTokens(prompt) ? [prompt] : prompt;
}

function isTokens(prompt: readonly unknown[]): prompt is readonly number[] {
  return typeof prompt[0] === 'number';
}
