// The fields of POST /v1/responses. https://platform.openai.com/docs/api-reference/responses/create
import * as z from 'zod/mini';
import { chatRequestSchema } from '../chat/chat-request.ts';
import { generationFields } from '../request-fields.ts';
import { inputField } from './input-fields.ts';

const { n: _, stream_options: __, response_format: ___, ...generation } = generationFields;
const chat = chatRequestSchema.shape;

/** The fields that mean the same in a chat, which validates them. */
export const sharedFields = {
  model: chat.model,
  ...generation,
  parallel_tool_calls: chat.parallel_tool_calls,
  chat_template_kwargs: chat.chat_template_kwargs,
  safety_identifier: chat.safety_identifier,
  prompt_cache_key: chat.prompt_cache_key,
  metadata: chat.metadata,
  service_tier: chat.service_tier,
  store: z
    .optional(z.boolean())
    .check(
      z.describe(
        'Whether the response is stored. Default: true, where the server stores responses. Elsewhere it is ignored.',
      ),
    ),
};

const any = () => z.optional(z.unknown());

const functionTool = z.strictObject({
  type: z.optional(z.literal('function')),
  name: z.string(),
  description: z.optional(z.string()),
  parameters: z.optional(z.record(z.string(), z.unknown())),
  strict: z.optional(z.boolean()),
});

/** Tools of other types have any fields, of which none is listed as ignored: the whole tool is. */
const tool = z.union([functionTool, z.record(z.string(), z.unknown())]);

const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.strictObject({ type: z.literal('function'), name: z.string() }),
  z.strictObject({
    type: z.literal('allowed_tools'),
    mode: z.enum(['auto', 'required']),
    tools: z.array(z.looseObject({ type: z.string(), name: z.optional(z.string()) })),
  }),
  z.record(z.string(), z.unknown()),
]);

const textFormat = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    name: z.optional(z.string()),
    description: z.optional(z.string()),
    schema: z.optional(z.union([z.boolean(), z.record(z.string(), z.unknown())])),
    strict: z.optional(z.boolean()),
  }),
]);

const notStored = () => z.optional(z.never()).check(z.describe('Refused: the server stores none.'));

/** The fields of its own. */
const ownFields = {
  input: inputField,
  instructions: z.optional(z.string()).check(z.describe('A system message before the input.')),
  max_output_tokens: chat.max_completion_tokens,
  tools: z
    .optional(z.array(tool))
    .check(z.describe('The functions that the model may call. Tools of other types are ignored.')),
  tool_choice: z
    .optional(toolChoice)
    .check(z.describe('Whether the model may or must call functions, and which ones.')),
  text: z
    .optional(z.strictObject({ format: z.optional(textFormat) }))
    .check(z.describe('The format of the text. JSON always matches its schema, with or without strict.')),
  reasoning: z
    .optional(
      z.strictObject({
        effort: z.optional(z.string()),
        summary: z.optional(z.string()),
        generate_summary: any(),
      }),
    )
    .check(
      z.describe(
        'effort is reasoning_effort of a chat. With summary, the thoughts are the summary of their item, else its content.',
      ),
    ),
  include: z
    .optional(z.array(z.string()))
    .check(z.describe('message.output_text.logprobs returns log-probabilities. Others are ignored.')),
  top_logprobs: chat.top_logprobs,
  truncation: z
    .optional(z.enum(['auto', 'disabled']))
    .check(
      z.describe(
        'auto leaves out the oldest turns of an input that does not fit. Default: disabled, it is a 400.',
      ),
    ),
  stream_options: z
    .optional(z.unknown())
    .check(z.describe('Accepted and not used. There is no obfuscation.')),
  background: z.optional(z.literal(false)).check(z.describe('An answer needs a client that waits for it.')),
  previous_response_id: z
    .optional(z.string())
    .check(
      z.describe(
        'A stored response whose conversation goes on. Refused where the server stores no responses.',
      ),
    ),
  conversation: notStored(),
  prompt: notStored(),
};

export const responsesRequestSchema = z.strictObject({ ...ownFields, ...sharedFields });

export const ownSchema = z.strictObject(ownFields);

export type OwnFields = z.output<typeof ownSchema>;
