// The request of POST /v1/chat/completions: the fields of OpenAI's chat and of llama-server.
import * as z from 'zod/mini';
import { unsupportedSamplers } from '../completions/completion-request.ts';
import { assertTogether, parseFields } from '../request-body.ts';
import { assertStreamOptions, generationFields, mostTopLogprobs } from '../request-fields.ts';

/** OpenAI's limit. More messages fit no context. */
const mostMessages = 2048;

const functionName = z
  .string()
  .check(z.regex(/^[\w.-]{1,64}$/, "a name of up to 64 letters, digits, '_', '.' and '-'"));

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() });

const imagePart = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({ url: z.string(), detail: z.optional(z.string()) }),
});

const textContent = z.union([z.string(), z.array(textPart)]);

const toolCall = z.strictObject({
  id: z.string(),
  // OpenAI's Python client keeps this field of a streamed call and sends it back.
  index: z.optional(z.int()),
  type: z._default(z.literal('function'), 'function'),
  function: z.strictObject({
    name: functionName,
    arguments: z.string(),
    // SDKs that parse an answer add this field and send it back.
    parsed_arguments: z.optional(z.unknown()),
  }),
});

const name = z.optional(z.nullable(z.string()));

/** A field that an answer never has. Clients send it back because their own types have it. */
const absent = z.optional(z.null());

const message = z.discriminatedUnion('role', [
  z.strictObject({ role: z.enum(['system', 'developer']), content: textContent, name }),
  z.strictObject({
    role: z.literal('user'),
    content: z.union([z.string(), z.array(z.discriminatedUnion('type', [textPart, imagePart]))]),
    name,
  }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.optional(z.nullable(textContent)),
    reasoning_content: z.optional(z.nullable(z.string())),
    refusal: z.optional(z.nullable(z.string())),
    annotations: z.optional(z.nullable(z.array(z.unknown()))),
    tool_calls: z.optional(z.nullable(z.array(toolCall))),
    parsed: z.optional(z.unknown()),
    audio: absent,
    function_call: absent,
    name,
  }),
  z.strictObject({ role: z.literal('tool'), content: textContent, tool_call_id: z.string(), name }),
]);

const messages = z.array(message).check(z.minLength(1), z.maxLength(mostMessages));

const tool = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: functionName,
    description: z.optional(z.string()),
    parameters: z.optional(z.record(z.string(), z.unknown())),
    strict: z.optional(z.nullable(z.boolean())),
  }),
});

const tools = z
  .optional(z.array(tool).check(z.maxLength(128)))
  .check(z.describe('The functions that the model may call. Their arguments always match their schemas.'));

const { user, ...generation } = generationFields;

export const chatRequestSchema = z.strictObject({
  model: z.string().check(z.describe('The name of the loaded model.')),
  messages,
  max_completion_tokens: z
    .optional(z.int().check(z.gte(1)))
    .check(z.describe('The most tokens to generate. Default: as many as fit the context after the prompt.')),
  max_tokens: z.optional(z.int().check(z.gte(1))).check(z.describe('The old name of max_completion_tokens.')),
  tools,
  tool_choice: z
    .optional(
      z.union([
        z.enum(['none', 'auto', 'required']),
        z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: functionName }) }),
      ]),
    )
    .check(
      z.describe(
        'Whether the model may or must call functions, and which one. Default: auto if there are tools.',
      ),
    ),
  parallel_tool_calls: z
    ._default(z.boolean(), true)
    .check(z.describe('Whether the model may call several functions at once.')),
  logprobs: z
    ._default(z.boolean(), false)
    .check(z.describe('Returns the log-probabilities of the generated tokens.')),
  top_logprobs: z
    .optional(z.int().check(z.gte(0), z.lte(mostTopLogprobs)))
    .check(z.describe('Returns this many likeliest alternatives to each token. Needs logprobs.')),
  reasoning_effort: z
    .optional(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']))
    .check(
      z.describe('For models that think. none and minimal turn the thoughts off if the template can do so.'),
    ),
  chat_template_kwargs: z
    ._default(z.record(z.string(), z.unknown()), {})
    .check(z.describe("Additional variables for the model's chat template.")),
  ...generation,
  user,
  safety_identifier: z.optional(z.string()).check(z.describe('Accepted and not used.')),
  prompt_cache_key: z
    .optional(z.string())
    .check(z.describe('Accepted and not used. The server finds cached prompts itself.')),
  metadata: z
    .optional(z.record(z.string(), z.string()))
    .check(z.describe('Accepted and not used. The server stores nothing.')),
  store: z.optional(z.literal(false)).check(z.describe('Only false. The server stores nothing.')),
  service_tier: z
    .optional(z.enum(['auto', 'default']))
    .check(z.describe('Accepted and not used. The server has one tier.')),
  modalities: z.optional(z.array(z.literal('text'))).check(z.describe('Only text.')),
});

/** A validated chat request with its defaults. */
export type ChatRequest = z.output<typeof chatRequestSchema>;

/** The request of POST /apply-template. */
export const templateRequestSchema = z.strictObject({
  messages,
  tools,
  chat_template_kwargs: z._default(z.record(z.string(), z.unknown()), {}),
  model: z.optional(z.string()),
});

const unsupported = {
  ...unsupportedSamplers,
  functions: "use 'tools'",
  function_call: "use 'tool_choice'",
  audio: 'the server generates only text',
  prediction: '',
  web_search_options: '',
  verbosity: '',
  prompt_cache_retention: '',
  chat_template: "the server always uses the model's template",
  reasoning: "use 'reasoning_effort'",
  reasoning_format: "thoughts are always in 'reasoning_content'",
  suffix: 'use POST /v1/completions',
  echo: 'use POST /v1/completions',
  best_of: 'use POST /v1/completions',
};

/**
 * Parses the body of a chat request.
 *
 * @throws {RequestError} with the name of the field that is missing, invalid, unknown or not supported
 */
export function parseChatRequest(body: unknown): ChatRequest {
  const request = parseFields(chatRequestSchema, unsupported, body);
  const { logprobs, top_logprobs } = request;
  assertStreamOptions(request);
  assertTogether(
    logprobs || top_logprobs === undefined,
    'top_logprobs',
    "'top_logprobs' needs 'logprobs': true.",
  );
  assertTools(request);
  assertTogether(
    request.max_tokens === undefined || request.max_completion_tokens === undefined,
    'max_tokens',
    "'max_tokens' and 'max_completion_tokens' mean the same. Send only one of them.",
  );
  return request;
}

function assertTools({ tools = [], tool_choice }: ChatRequest): void {
  const names = tools.map((tool) => tool.function.name);
  assertTogether(
    new Set(names).size === names.length,
    'tools',
    "Two 'tools' have the same name. Rename one of them.",
  );
  for (const [index, tool] of tools.entries()) {
    const type = tool.function.parameters?.type;
    assertTogether(
      type === undefined || type === 'object',
      `tools.${index}.function.parameters`,
      `'tools.${index}.function.parameters' must be a schema with the type 'object'.`,
    );
  }
  if (tool_choice === undefined || tool_choice === 'none' || tool_choice === 'auto') return;
  assertTogether(tools.length > 0, 'tool_choice', "'tool_choice' requires a call, but there are no 'tools'.");
  assertTogether(
    tool_choice === 'required' || names.includes(tool_choice.function.name),
    'tool_choice',
    "'tool_choice' names a function that is not in 'tools'.",
  );
}

/** @throws {RequestError} with the name of the field that is missing, invalid or unknown */
export function parseTemplateRequest(body: unknown): z.output<typeof templateRequestSchema> {
  return parseFields(templateRequestSchema, {}, body);
}
