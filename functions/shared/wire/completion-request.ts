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
  /** Drawn at random when absent. Only its low 32 bits count. */
  seed: z.optional(z.int()),
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
const unsupportedFields = new Set([
  ...[
    'best_of',
    'cache_prompt',
    'echo',
    'frequency_penalty',
    'grammar',
    'ignore_eos',
    'json_schema',
    'logit_bias',
  ],
  ...[
    'logprobs',
    'n',
    'presence_penalty',
    'response_format',
    'return_tokens',
    'stream',
    'stream_options',
    'suffix',
  ],
  ...['t_max_predict_ms', 'timings_per_token', 'typical_p', 'user'],
]);

/**
 * Parses the body of a completion request. As in OpenAI's API, a field that is `null` counts as absent.
 *
 * @throws {RequestError} naming the field that is missing, wrong, unknown or not supported
 */
export function parseCompletionRequest(body: unknown): CompletionRequest {
  if (!isJsonObject(body)) throw new RequestError('invalid_value', 'The request must be a JSON object.');
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
  const unsupported = Object.keys(given).find((field) => unsupportedFields.has(field));
  if (unsupported !== undefined) {
    throw new RequestError('unsupported_parameter', `'${unsupported}' is not supported.`, {
      param: unsupported,
    });
  }
  const parsed = completionRequest.safeParse(given);
  if (!parsed.success) throw toFieldError(parsed.error, given);
  return parsed.data;
}

function nonEmptyText() {
  return z.string().check(z.minLength(1));
}
