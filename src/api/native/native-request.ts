// The requests of llama-server's own endpoints: POST /completion and POST /infill.
import * as z from 'zod/mini';
import { RequestError } from '../../errors/request-error.ts';
import { ForeignFields } from '../../generation/foreign-fields.ts';
import { isJsonObject } from '../../json-schema/json-object.ts';
import { completionRequestSchema } from '../completions/completion-request.ts';
import { isNeutral, keepKnownFields } from '../known-fields.ts';
import { mostTopLogprobs } from '../request-fields.ts';

const { prompt, suffix: _, echo: __, best_of: ___, ...shared } = completionRequestSchema.shape;

const nativeFields = {
  n_probs: z
    .optional(z.int().check(z.gte(0)))
    .check(z.describe(`Returns this many likeliest tokens at each place, at most ${mostTopLogprobs}.`)),
  response_fields: z
    .optional(z.array(z.string()).check(z.maxLength(64)))
    .check(
      z.describe('Returns only these fields of the answer. A slash leads into a field: timings/prompt_n.'),
    ),
};

export const nativeCompletionSchema = z.strictObject({ prompt, ...shared, ...nativeFields });

const extra = z.looseObject({ filename: z.optional(z.string()), text: z.string() });

const infillFields = {
  input_prefix: z._default(z.string(), '').check(z.describe('The text before the gap.')),
  input_suffix: z._default(z.string(), '').check(z.describe('The text after the gap.')),
  input_extra: z
    ._default(z.array(extra).check(z.maxLength(256)), [])
    .check(z.describe('Parts of other files. The first ones are left out if the context has no room.')),
  prompt: z._default(z.string(), '').check(z.describe('The start of the text in the gap.')),
};

export const infillSchema = z.strictObject({ ...infillFields, ...shared, ...nativeFields });

/** The gap of an infill request. */
export type Gap = z.output<typeof gapSchema>;

const gapSchema = z.object(infillFields);
const ownSchema = z.object(nativeFields);

/** What is not the same as in POST /v1/completions. */
export interface NativeRequest {
  /** The body of POST /v1/completions. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly topTokens: number;
  readonly responseFields: readonly string[] | undefined;
}

/**
 * Converts the body of POST /completion to that of POST /v1/completions, where fewer tokens are the default.
 *
 * @throws {RequestError} `invalid_value` when a field of its own has a wrong type
 */
export function toNativeRequest(given: unknown): NativeRequest {
  const fields = toFields(given);
  const { n_probs = 0, response_fields: responseFields } = parse(ownSchema, fields);
  const { n_probs: _, response_fields: __, samplers, echo: ___, best_of: ____, ...rest } = fields;
  const topTokens = Math.min(n_probs, mostTopLogprobs);
  return {
    body: {
      ...rest,
      ...(rest.max_tokens === undefined && { n_predict: rest.n_predict ?? -1 }),
      ...(topTokens > 0 && { logprobs: topTokens }),
      // Editors ask for a sampler of llama-server's that ends a text early. Without it, the order does not matter.
      ...(samplers !== undefined && !isForInfill(samplers) && { samplers }),
    },
    topTokens,
    responseFields,
  };
}

/**
 * Splits the body of POST /infill into the gap and the body of POST /completion.
 *
 * @throws {RequestError} `invalid_value` when a part of the gap has a wrong type
 */
export function toInfillRequest(given: unknown): { gap: Gap; rest: Readonly<Record<string, unknown>> } {
  const fields = toFields(given);
  const { input_prefix: _, input_suffix: __, input_extra: ___, prompt: ____, ...rest } = fields;
  return { gap: parse(gapSchema, fields), rest };
}

function isForInfill(samplers: unknown): boolean {
  return Array.isArray(samplers) && samplers.includes('infill');
}

/** A neutral value counts as absent. An empty prompt is one. */
function toFields(given: unknown): Record<string, unknown> {
  if (!isJsonObject(given)) throw new RequestError('invalid_value', 'The request must be a JSON object.');
  return Object.fromEntries(
    Object.entries(given).filter(
      ([name, value]) => (name === 'prompt' && value !== null) || !isNeutral(value),
    ),
  );
}

function parse<Schema extends z.ZodMiniType>(schema: Schema, fields: unknown): z.output<Schema> {
  const parsed = schema.safeParse(keepKnownFields(schema, fields, new ForeignFields()));
  if (parsed.success) return parsed.data;
  const param = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new RequestError('invalid_value', `'${param}' has a wrong type or is out of its range.`, { param });
}
