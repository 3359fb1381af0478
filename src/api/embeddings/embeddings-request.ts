// The request of POST /v1/embeddings, with OpenAI's fields.
import * as z from 'zod/mini';
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { parseFields, type UnsupportedFields } from '../request-body.ts';
import { nonEmptyText, tokenNumber } from '../request-fields.ts';

/** OpenAI's limit. */
const mostInputs = 2048;

const tokens = z.array(tokenNumber()).check(z.minLength(1));

export const embeddingsRequestSchema = z.strictObject({
  model: z.optional(z.string()).check(z.describe('Any name. The loaded model answers.')),
  input: z
    .union([
      nonEmptyText(),
      z.array(nonEmptyText()).check(z.minLength(1), z.maxLength(mostInputs)),
      tokens,
      z.array(tokens).check(z.minLength(1), z.maxLength(mostInputs)),
    ])
    .check(
      z.describe(
        `A text, a list of token numbers, or up to ${mostInputs} of either. Each must fit the context. The server ` +
          'adds the special tokens that the model needs. Special tokens in a text are not parsed.',
      ),
    ),
  encoding_format: z
    ._default(z.enum(['float', 'base64']), 'float')
    .check(z.describe('base64 encodes little-endian 32-bit floats. It is about half as long.')),
  dimensions: z
    .optional(z.int().check(z.gte(1)))
    .check(
      z.describe(
        "The length of each vector. Default: the model's own. Only a Matryoshka model allows fewer dimensions.",
      ),
    ),
  user: z
    .optional(z.unknown())
    .check(z.describe('Accepted and not used. The server records nothing about users.')),
});

/** A validated embeddings request with its defaults. */
export type EmbeddingsRequest = z.output<typeof embeddingsRequestSchema>;

/** Fields of other servers that this one ignores, with the reason or an alternative. */
const unsupportedFields: UnsupportedFields = {
  embd_normalize: 'vectors always have unit length',
  input_type: "write the model's prefix into the text",
  prompt_name: "write the model's prefix into the text",
  task: "write the model's prefix into the text",
  truncate: 'the server rejects an input that is too long',
  truncate_prompt_tokens: 'the server rejects an input that is too long',
};

/**
 * Parses the body of an embeddings request.
 *
 * @throws {RequestError} with the name of the field that is missing or invalid, or foreign under the strict rule
 */
export function parseEmbeddingsRequest(body: unknown, foreign?: ForeignFields): EmbeddingsRequest {
  return parseFields(embeddingsRequestSchema, unsupportedFields, body, foreign);
}

/** Returns the inputs of a request as a list. */
export function toInputs(input: EmbeddingsRequest['input']): readonly (string | readonly number[])[] {
  if (typeof input === 'string') return [input];
  return typeof input[0] === 'number' ? [input as readonly number[]] : (input as string[] | number[][]);
}
