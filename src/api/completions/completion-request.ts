// The request of POST /v1/completions: the fields of OpenAI's legacy completions and of llama-server.
import * as z from 'zod/mini';
import { ForeignFields } from '../../generation/foreign-fields.ts';
import { assertTogether, parseFields, type UnsupportedFields } from '../request-body.ts';
import {
  generationFields,
  leaveOutStreamOptions,
  mostChoices,
  mostTopLogprobs,
  tokenLimit,
  tokenNumber,
} from '../request-fields.ts';

const tokens = z.array(tokenNumber()).check(z.minLength(1));

export const completionRequestSchema = z.strictObject({
  model: z.optional(z.string()).check(z.describe('Any name. The loaded model answers.')),
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
    .optional(tokenLimit())
    .check(
      z.describe(
        'The most tokens to generate. -1 and more than the context has room for are as many as fit. Default: 16.',
      ),
    ),
  best_of: z
    .optional(z.int().check(z.gte(1), z.lte(mostChoices)))
    .check(
      z.describe('Generates this many, and returns the n with the highest mean log-probability. Default: n.'),
    ),
  echo: z._default(z.boolean(), false).check(z.describe('Returns the prompt before the text.')),
  logprobs: z
    .optional(
      z.pipe(
        // Clients of chats send false.
        z.union([
          z.int().check(z.gte(0), z.lte(mostTopLogprobs)),
          z.boolean().check(
            z.refine((asked) => !asked, 'a whole number'),
            z.meta({ const: false }),
          ),
        ]),
        z.transform((count) => (typeof count === 'boolean' ? undefined : count)),
      ),
    )
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

/** Fields of llama-server and vLLM that change nothing here. */
export const unsupportedFields: UnsupportedFields = {
  n_keep: 'the context is never shifted',
  n_discard: 'the context is never shifted',
  n_indent: '',
  id_slot: 'the server chooses the slot by its cached prompt',
  post_sampling_probs: 'log-probabilities are taken before sampling',
  response_fields: '',
};

/**
 * Parses the body of a completion request.
 *
 * @throws {RequestError} with the name of the field that is missing or invalid, or foreign under the strict rule
 */
export function parseCompletionRequest(
  body: unknown,
  foreign: ForeignFields = new ForeignFields(),
): CompletionRequest {
  const request = parseFields(completionRequestSchema, unsupportedFields, body, foreign);
  const { stream, best_of, n, suffix, echo } = request;
  leaveOutStreamOptions(request, foreign);
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
