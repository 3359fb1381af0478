// The requests of POST /v1/messages and POST /v1/messages/count_tokens, in Anthropic's format.
// https://platform.claude.com/docs/en/api/messages
import * as z from 'zod/mini';
import { RequestError } from '../../errors/request-error.ts';
import { ForeignFields } from '../../generation/foreign-fields.ts';
import { assertFewParts, parseFields } from '../request-body.ts';
import { nonEmptyText } from '../request-fields.ts';
import { cacheHint, messagesField, systemField } from './content-fields.ts';

const notUsed = (why: string) => z.optional(z.unknown()).check(z.describe(`Accepted and not used. ${why}`));

const any = () => z.optional(z.unknown());

const customTool = z.strictObject({
  type: z.optional(z.nullable(z.literal('custom'))),
  name: z.string(),
  description: any(),
  input_schema: any(),
  strict: any(),
  // The server loads every tool, and streams the input of each as it is generated.
  defer_loading: any(),
  eager_input_streaming: any(),
  ...cacheHint,
});

const parallel = { disable_parallel_tool_use: z.optional(z.boolean()) };

const format = z.strictObject({
  type: z.literal('json_schema'),
  schema: z.record(z.string(), z.unknown()),
});

const promptFields = {
  model: z.optional(z.string()).check(z.describe('Any name. The loaded model answers.')),
  messages: messagesField,
  system: systemField,
  tools: z
    // Those of Anthropic's own tools have any fields.
    .optional(z.array(z.union([customTool, z.record(z.string(), z.unknown())])))
    .check(z.describe("The tools that the model may call. Anthropic's own tools are left out.")),
  tool_choice: z
    .optional(
      z.union([
        z.strictObject({ type: z.enum(['auto', 'any']), ...parallel }),
        z.strictObject({ type: z.literal('tool'), name: z.string(), ...parallel }),
        z.strictObject({ type: z.literal('none') }),
      ]),
    )
    .check(
      z.describe(
        'Whether the model may or must call tools, and which one. Default: auto if there are tools.',
      ),
    ),
  thinking: z
    .optional(z.strictObject({ type: z.string(), budget_tokens: z.optional(z.int().check(z.gte(0))) }))
    .check(
      z.describe(
        'Any type but disabled lets a model think that can, for budget_tokens at most. Default: disabled.',
      ),
    ),
  output_config: z
    .optional(
      z.strictObject({
        effort: z.optional(z.string()),
        format: z.optional(format),
      }),
    )
    .check(z.describe('The JSON Schema that the answer matches, and the effort of the thoughts.')),
  output_format: z.optional(format).check(z.describe('The older place of output_config.format.')),
  ...cacheHint,
};

export const countTokensSchema = z.strictObject(promptFields);

export const messagesSchema = z.strictObject({
  ...promptFields,
  max_tokens: z
    .optional(z.number())
    .check(
      z.describe(
        'The most tokens to generate. 0 only evaluates the prompt. Default, and -1: as many as fit the context.',
      ),
    ),
  stop_sequences: z
    .optional(z.array(nonEmptyText()))
    .check(z.describe('The text ends before the first of these texts.')),
  temperature: any().check(z.describe('The randomness of sampling, as in chat. Default: 1.')),
  top_p: any().check(z.describe('Keeps the likeliest tokens until their probabilities add up to this.')),
  top_k: any().check(z.describe('Keeps this many of the likeliest tokens.')),
  stream: z
    ._default(z.boolean(), false)
    .check(z.describe('Answers with server-sent events while the text is generated.')),
  thread: any().check(z.describe('A 400: the server stores no messages. Send all of them.')),
  metadata: notUsed('The server records nothing about users.'),
  service_tier: notUsed('The server has one tier.'),
});

/** A request to count tokens. */
export type PromptRequest = z.output<typeof countTokensSchema>;

export type MessagesRequest = z.output<typeof messagesSchema>;

/**
 * @throws {RequestError} with the name of the field that is missing or invalid, or foreign under the strict rule;
 * `unsupported_parameter` for a thread
 */
export function parseMessagesRequest(
  body: unknown,
  foreign: ForeignFields = new ForeignFields(),
): MessagesRequest {
  assertFewParts(body, 'messages');
  const request = parseFields(messagesSchema, {}, body, foreign);
  if (request.thread !== undefined) throw toThreadError();
  return request;
}

/** Without the earlier messages, which Anthropic stores in a thread, the request would mean something else. */
function toThreadError(): RequestError {
  return new RequestError(
    'unsupported_parameter',
    "'thread' is not supported: the server stores no messages. Send all of them without it.",
    { param: 'thread' },
  );
}

/**
 * Parses a request to count tokens. Clients may send the fields of a generation with it.
 *
 * @throws {RequestError} with the name of the field that is missing or invalid, or foreign under the strict rule
 */
export function parseCountRequest(
  body: unknown,
  foreign: ForeignFields = new ForeignFields(),
): PromptRequest {
  assertFewParts(body, 'messages');
  return parseFields(countTokensSchema, {}, body, foreign);
}
