// Requests and answers of POST /tokenize and /detokenize, in the shapes of vLLM and of llama-server.
import * as z from 'zod/mini';
import { parseFields } from '../request-body.ts';
import { tokenNumber } from '../request-fields.ts';

const text = z.optional(z.string());

export const tokenizeRequestSchema = z.strictObject({
  prompt: text.check(z.describe("vLLM's name of the text.")),
  content: text.check(z.describe("llama-server's name of the text.")),
  add_special_tokens: z
    .optional(z.boolean())
    .check(z.describe('Whether the token that begins a text is added. Default: true for prompt.')),
  add_special: z
    .optional(z.boolean())
    .check(z.describe('Whether the token that begins a text is added. Default: false for content.')),
  parse_special: z
    ._default(z.boolean(), true)
    .check(z.describe('Whether special tokens written in the text are read as such.')),
  with_pieces: z
    ._default(z.boolean(), false)
    .check(z.describe('Answer with objects of id and piece, a text or the bytes of half a character.')),
  return_token_strs: z
    ._default(z.boolean(), false)
    .check(z.describe("Answer with the tokens' texts as well.")),
  model: z.optional(z.string()),
});

export type TokenizeRequest = z.output<typeof tokenizeRequestSchema>;

export const detokenizeRequestSchema = z.strictObject({
  tokens: z.array(tokenNumber()),
  model: z.optional(z.string()),
});

/** @throws {RequestError} naming the field that is missing, wrong or unknown */
export function parseTokenizeRequest(body: unknown): TokenizeRequest {
  return parseFields(
    tokenizeRequestSchema,
    { messages: 'apply the template first, at /apply-template' },
    body,
  );
}

/** @throws {RequestError} naming the field that is missing, wrong or unknown */
export function parseDetokenizeRequest(body: unknown): z.output<typeof detokenizeRequestSchema> {
  return parseFields(detokenizeRequestSchema, {}, body);
}

export interface TokenizeAnswer {
  readonly tokens: readonly (number | { readonly id: number; readonly piece: string | readonly number[] })[];
  readonly count: number;
  readonly max_model_len: number;
  readonly token_strs?: readonly string[];
}

/** `prompt` for vLLM's clients, `content` for llama-server's. */
export interface DetokenizeAnswer {
  readonly prompt: string;
  readonly content: string;
}
