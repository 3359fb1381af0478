// The requests and answers of POST /tokenize and /detokenize, in the formats of vLLM and llama-server.
import * as z from 'zod/mini';
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { keepEmpty } from '../known-fields.ts';
import { parseFields } from '../request-body.ts';
import { tokenNumber } from '../request-fields.ts';

/** No context has more. Each is converted on the thread that answers. */
const mostTokens = 131_072;

export const tokenizeRequestSchema = z.strictObject({
  prompt: keepEmpty(z.optional(z.string()).check(z.describe('The text, under the name that vLLM uses.'))),
  content: keepEmpty(
    z.optional(z.string()).check(z.describe('The text, under the name that llama-server uses.')),
  ),
  add_special_tokens: z
    .optional(z.boolean())
    .check(
      z.describe(
        'Whether to add the beginning-of-sequence token. Default: true for prompt, false for content.',
      ),
    ),
  add_special: z.optional(z.boolean()).check(z.describe("llama-server's name for add_special_tokens.")),
  parse_special: z
    ._default(z.boolean(), true)
    .check(z.describe('Whether special tokens in the text are parsed as tokens.')),
  with_pieces: z
    ._default(z.boolean(), false)
    .check(z.describe('Returns objects with id and piece. A piece is a text, or a list of bytes.')),
  return_token_strs: z._default(z.boolean(), false).check(z.describe("Also returns the tokens' texts.")),
  model: z.optional(z.string()),
});

export type TokenizeRequest = z.output<typeof tokenizeRequestSchema>;

export const detokenizeRequestSchema = z.strictObject({
  tokens: z.array(tokenNumber()).check(z.maxLength(mostTokens)),
  model: z.optional(z.string()),
});

/** @throws {RequestError} with the name of the field that is invalid, or foreign under the strict rule */
export function parseTokenizeRequest(body: unknown, foreign?: ForeignFields): TokenizeRequest {
  return parseFields(
    tokenizeRequestSchema,
    { messages: 'convert them to a prompt with /apply-template first' },
    body,
    foreign,
  );
}

/** @throws {RequestError} with the name of the field that is missing or invalid, or foreign under the strict rule */
export function parseDetokenizeRequest(
  body: unknown,
  foreign?: ForeignFields,
): z.output<typeof detokenizeRequestSchema> {
  return parseFields(detokenizeRequestSchema, {}, body, foreign);
}

export interface TokenizeAnswer {
  readonly tokens: readonly (number | { readonly id: number; readonly piece: string | readonly number[] })[];
  readonly count: number;
  readonly max_model_len: number;
  readonly token_strs?: readonly string[];
}

/** The same text twice: vLLM's clients read `prompt`, llama-server's read `content`. */
export interface DetokenizeAnswer {
  readonly prompt: string;
  readonly content: string;
}
