// The request of POST /v1/completions: OpenAI's legacy completion fields that are supported, and llama.cpp's
// sampling fields beside them.
import * as z from 'zod/mini';
import { RequestError } from './errors.ts';
import { isJsonObject } from './json.ts';
import { toFieldError } from './schema-errors.ts';

/** Zod Mini rather than Zod: 5 ms of a cold start instead of 14, and a quarter of the bytes. */
const completionRequest = z.strictObject({
  /** Must name the model that is loaded, when given. */
  model: z.optional(z.string()),
  prompt: z.string(),
  max_tokens: z._default(z.int().check(z.gte(1)), 16),
  temperature: z._default(z.number().check(z.gte(0), z.lte(2)), 1),
  top_p: z._default(z.number().check(z.gte(0), z.lte(1)), 1),
  top_k: z._default(z.int().check(z.gte(0)), 0),
  min_p: z._default(z.number().check(z.gte(0), z.lte(1)), 0),
  repeat_penalty: z._default(z.number().check(z.gt(0), z.lte(10)), 1),
  /** Drawn at random when absent. Whole numbers up to 2^53; only their low 32 bits count. */
  seed: z.optional(z.int()),
  /** Answer with server-sent events, as the text is generated. */
  stream: z._default(z.boolean(), false),
  stream_options: z.optional(z.strictObject({ include_usage: z._default(z.boolean(), false) })),
  stop: z._default(
    z.union([
      z.pipe(
        nonEmptyText(),
        z.transform((text) => [text]),
      ),
      z.array(nonEmptyText()).check(z.maxLength(16)),
    ]),
    [],
  ),
});

/** A validated completion request, with every default filled in and `stop` as a list. */
export type CompletionRequest = z.output<typeof completionRequest>;

/** Fields of OpenAI's and llama-server's completion API that this server does not have. */
const unsupportedFields = new Set(
  (
    'best_of cache_prompt echo frequency_penalty grammar ignore_eos json_schema logit_bias logprobs n ' +
    'presence_penalty response_format return_tokens suffix t_max_predict_ms timings_per_token typical_p user'
  ).split(' '),
);

/**
 * Parses the body of a completion request. As in OpenAI's API, a known field that is `null` counts as absent.
 *
 * @throws {RequestError} naming the field that is missing, wrong, unknown or not supported
 */
export function parseCompletionRequest(body: unknown): CompletionRequest {
  if (!isJsonObject(body)) throw new RequestError('invalid_value', 'The request must be a JSON object.');
  const given = Object.fromEntries(
    Object.entries(body).filter(([field, value]) => value !== null || !isKnown(field)),
  );
  const unsupported = Object.keys(given).find((field) => unsupportedFields.has(field));
  if (unsupported !== undefined) {
    throw new RequestError('unsupported_parameter', `'${unsupported}' is not supported.`, {
      param: unsupported,
    });
  }
  const parsed = completionRequest.safeParse(given);
  if (!parsed.success) throw toFieldError(parsed.error, given);
  if (parsed.data.stream_options !== undefined && !parsed.data.stream) {
    throw new RequestError('invalid_value', "'stream_options' is only for requests with 'stream': true.", {
      param: 'stream_options',
    });
  }
  return parsed.data;
}

function isKnown(field: string): boolean {
  return unsupportedFields.has(field) || Object.hasOwn(completionRequest.shape, field);
}

function nonEmptyText() {
  return z.string().check(z.minLength(1));
}
