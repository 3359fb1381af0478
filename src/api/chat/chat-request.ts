// The request of POST /v1/chat/completions: OpenAI's chat fields, and llama-server's beside them.
import * as z from 'zod/mini';
import { unsupportedSamplers } from '../completions/completion-request.ts';
import { assertTogether, parseFields } from '../request-body.ts';
import { assertStreamOptions, generationFields, mostTopLogprobs } from '../request-fields.ts';

/** As many as OpenAI takes; what has more fits no context. */
const mostMessages = 2048;

const functionName = z
  .string()
  .check(z.regex(/^[\w.-]{1,64}$/, 'a name of letters, digits, _, . and -, up to 64'));

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() });

const imagePart = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({ url: z.string(), detail: z.optional(z.string()) }),
});

const textContent = z.union([z.string(), z.array(textPart)]);

const toolCall = z.strictObject({
  id: z.string(),
  // What OpenAI's client for Python keeps of a call that was streamed.
  index: z.optional(z.int()),
  type: z._default(z.literal('function'), 'function'),
  function: z.strictObject({
    name: functionName,
    arguments: z.string(),
    // What SDKs that parse an answer hang onto it, and send back with it.
    parsed_arguments: z.optional(z.unknown()),
  }),
});

const name = z.optional(z.nullable(z.string()));

/** What an answer never has, and clients send back because their own types have it. */
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
  .check(z.describe('Functions that the model may call. Their arguments always follow their schemas.'));

const responseFormat = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    json_schema: z.strictObject({
      name: functionName,
      description: z.optional(z.string()),
      schema: z.optional(z.record(z.string(), z.unknown())),
      strict: z.optional(z.nullable(z.boolean())),
    }),
  }),
]);

const { user, ...generation } = generationFields;

export const chatRequestSchema = z.strictObject({
  model: z.string().check(z.describe('Must name the model that is loaded.')),
  messages,
  max_completion_tokens: z
    .optional(z.int().check(z.gte(1)))
    .check(z.describe('The most tokens to generate. Default: as many as the context still holds.')),
  max_tokens: z
    .optional(z.int().check(z.gte(1)))
    .check(z.describe('The older name of max_completion_tokens.')),
  tools,
  tool_choice: z
    .optional(
      z.union([
        z.enum(['none', 'auto', 'required']),
        z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: functionName }) }),
      ]),
    )
    .check(z.describe('Whether and which functions are called. Default: auto where there are tools.')),
  parallel_tool_calls: z
    ._default(z.boolean(), true)
    .check(z.describe('Whether several functions may be called at once.')),
  response_format: z
    .optional(responseFormat)
    .check(z.describe('What the text must be. With or without strict, JSON follows its schema.')),
  logprobs: z
    ._default(z.boolean(), false)
    .check(z.describe('Tell the log-probabilities of the generated tokens.')),
  top_logprobs: z
    .optional(z.int().check(z.gte(0), z.lte(mostTopLogprobs)))
    .check(z.describe('Tell so many of the likeliest tokens beside each; takes logprobs.')),
  reasoning_effort: z
    .optional(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']))
    .check(z.describe('For models that think: none and minimal keep them from it, where the template can.')),
  chat_template_kwargs: z
    ._default(z.record(z.string(), z.unknown()), {})
    .check(z.describe("More variables for the model's chat template.")),
  ...generation,
  user,
  safety_identifier: z.optional(z.string()).check(z.describe('Taken and not used.')),
  prompt_cache_key: z
    .optional(z.string())
    .check(z.describe('Taken and not used: the cache finds what is in common.')),
  metadata: z
    .optional(z.record(z.string(), z.string()))
    .check(z.describe('Taken and not used: nothing is stored.')),
  store: z.optional(z.literal(false)).check(z.describe('Nothing is stored.')),
  service_tier: z.optional(z.enum(['auto', 'default'])).check(z.describe('There is one.')),
  modalities: z.optional(z.array(z.literal('text'))).check(z.describe('Text only.')),
});

/** A validated chat request, with its defaults filled in. */
export type ChatRequest = z.output<typeof chatRequestSchema>;

/** What messages are made of, for a request that has only them and tools. */
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
  audio: 'text only',
  prediction: '',
  web_search_options: '',
  verbosity: '',
  prompt_cache_retention: '',
  json_schema: "use 'response_format'",
  chat_template: "the model's own is used",
  reasoning: "use 'reasoning_effort'",
  reasoning_format: 'thoughts are in reasoning_content',
  suffix: 'use POST /v1/completions',
  echo: 'use POST /v1/completions',
  best_of: 'use POST /v1/completions',
};

/**
 * Parses the body of a chat request.
 *
 * @throws {RequestError} naming the field that is missing, wrong, unknown or not supported
 */
export function parseChatRequest(body: unknown): ChatRequest {
  const request = parseFields(chatRequestSchema, unsupported, body);
  const { logprobs, top_logprobs, tools, grammar, response_format } = request;
  assertStreamOptions(request);
  assertTogether(
    logprobs || top_logprobs === undefined,
    'top_logprobs',
    "'top_logprobs' is only for requests with 'logprobs': true.",
  );
  assertTools(request);
  const constrainsText = response_format !== undefined && response_format.type !== 'text';
  assertTogether(
    grammar === undefined || (!constrainsText && (tools?.length ?? 0) === 0),
    'grammar',
    "'grammar' excludes 'response_format' and 'tools'.",
  );
  assertTogether(
    request.max_tokens === undefined || request.max_completion_tokens === undefined,
    'max_tokens',
    "'max_tokens' and 'max_completion_tokens' are one thing: give one of them.",
  );
  return request;
}

function assertTools({ tools = [], tool_choice }: ChatRequest): void {
  const names = tools.map((tool) => tool.function.name);
  assertTogether(new Set(names).size === names.length, 'tools', "Two of the 'tools' have one name.");
  for (const [index, tool] of tools.entries()) {
    const type = tool.function.parameters?.type;
    assertTogether(
      type === undefined || type === 'object',
      `tools.${index}.function.parameters`,
      `'tools.${index}.function.parameters' must be the schema of an object: arguments have names.`,
    );
  }
  if (tool_choice === undefined || tool_choice === 'none' || tool_choice === 'auto') return;
  assertTogether(tools.length > 0, 'tool_choice', "'tool_choice' asks for a call, but there are no 'tools'.");
  assertTogether(
    tool_choice === 'required' || names.includes(tool_choice.function.name),
    'tool_choice',
    "'tool_choice' names a function that is not among the 'tools'.",
  );
}

/** @throws {RequestError} naming the field that is missing, wrong or unknown */
export function parseTemplateRequest(body: unknown): z.output<typeof templateRequestSchema> {
  return parseFields(templateRequestSchema, {}, body);
}
