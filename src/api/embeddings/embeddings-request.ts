// The request of POST /v1/embeddings: OpenAI's fields.
import * as z from 'zod/mini';
import { parseFields } from '../request-body.ts';
import { nonEmptyText, tokenNumber } from '../request-fields.ts';

/** OpenAI's limit. */
const mostInputs = 2048;

const tokens = z.array(tokenNumber()).check(z.minLength(1));

export const embeddingsRequestSchema = z.strictObject({
  model: z.optional(z.string()).check(z.describe('Must name the model that is loaded, when given.')),
  input: z
    .union([
      nonEmptyText(),
      z.array(nonEmptyText()).check(z.minLength(1), z.maxLength(mostInputs)),
      tokens,
      z.array(tokens).check(z.minLength(1), z.maxLength(mostInputs)),
    ])
    .check(
      z.describe(
        `A text, the numbers of its tokens, or up to ${mostInputs} of either. Each must fit the context. Special ` +
          'tokens are added where the model wants them; written in a text they are read as text.',
      ),
    ),
  encoding_format: z
    ._default(z.enum(['float', 'base64']), 'float')
    .check(z.describe('base64 holds 32-bit floats, little-endian, in about half of the bytes.')),
  dimensions: z
    .optional(z.int().check(z.gte(1)))
    .check(
      z.describe(
        "How many numbers of each vector are given. Fewer than the model's only for one that was trained for it.",
      ),
    ),
  user: z.optional(z.string()).check(z.describe('Taken and not used: nothing is recorded about users.')),
});

/** A validated embeddings request, with its defaults filled in. */
export type EmbeddingsRequest = z.output<typeof embeddingsRequestSchema>;

/** What other servers' embeddings have and these have not. */
const unsupported = {
  embd_normalize: 'vectors have unit length',
  input_type: "write the model's own prefix into the text",
  prompt_name: "write the model's own prefix into the text",
  task: "write the model's own prefix into the text",
  truncate: 'an input that is too long is refused',
  truncate_prompt_tokens: 'an input that is too long is refused',
};

/**
 * Parses the body of an embeddings request.
 *
 * @throws {RequestError} naming the field that is missing, wrong, unknown or not supported
 */
export function parseEmbeddingsRequest(body: unknown): EmbeddingsRequest {
  return parseFields(embeddingsRequestSchema, unsupported, body);
}

/** The inputs of a request as a list. */
export function toInputs(input: EmbeddingsRequest['input']): readonly (string | readonly number[])[] {
  if (typeof input === 'string') return [input];
  return typeof input[0] === 'number' ? [input as readonly number[]] : (input as string[] | number[][]);
}
