// The messages of a request. The system's and the user's are checked. Those of the assistant and of tools are what a client got
// from some server and sends back, so their fields may have any type.
import * as z from 'zod/mini';
import { keepEmpty } from '../known-fields.ts';

/** OpenAI's limit. More messages fit no context. */
const mostMessages = 2048;

const any = () => z.optional(z.unknown());

/** Parts of other kinds than text have their content under other names. */
const part = z.union([
  z.string(),
  z.null(),
  z.strictObject({
    type: z.optional(z.string()),
    text: keepEmpty(any()),
    image_url: any(),
    refusal: any(),
    thinking: any(),
    reasoning: any(),
  }),
]);

const content = z.nullable(z.union([z.string(), z.array(part)]));

const toolPart = z.union([
  z.string(),
  z.strictObject({ type: z.literal('text'), text: keepEmpty(any()) }),
  // The result of a tool, whose fields are its own.
  z.unknown(),
]);

const calledFunction = z.strictObject({
  name: any(),
  arguments: any(),
  // SDKs that parse an answer add this field and send it back.
  parsed_arguments: any(),
});

const call = z.strictObject({
  id: any(),
  type: any(),
  // OpenAI's Python client keeps this field of a streamed call and sends it back.
  index: any(),
  function: z.optional(z.union([calledFunction, z.unknown()])),
  custom: z.optional(z.union([z.strictObject({ name: any(), input: any() }), z.unknown()])),
  name: any(),
  arguments: any(),
  args: any(),
});

const message = z.discriminatedUnion('role', [
  z.strictObject({ role: z.enum(['system', 'developer']), content, name: any() }),
  z.strictObject({ role: z.literal('user'), content, name: any() }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.optional(z.union([z.string(), z.array(z.union([part, z.unknown()])), z.unknown()])),
    refusal: any(),
    reasoning_content: any(),
    reasoning: any(),
    thinking: any(),
    thinking_blocks: any(),
    reasoning_details: any(),
    tool_calls: z.optional(z.union([z.array(z.union([call, z.unknown()])), z.unknown()])),
    function_call: z.optional(z.union([calledFunction, z.unknown()])),
    annotations: any(),
    parsed: any(),
    name: any(),
  }),
  z.strictObject({
    role: z.enum(['tool', 'function']),
    content: z.optional(z.union([z.string(), z.array(toolPart), z.unknown()])),
    tool_call_id: any(),
    name: any(),
  }),
]);

export const messages = z
  .array(message)
  .check(z.minLength(1), z.maxLength(mostMessages))
  .check(
    z.describe('The conversation. Messages of the assistant and of tools are taken as a client got them.'),
  );

/** The validated messages of a request. */
export type MessageFields = z.output<typeof messages>[number];
