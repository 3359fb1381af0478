// The input of POST /v1/responses: a text or items. Items are what a client got from some server and sends back, so the types
// of their fields are checked where they are converted to messages.
import * as z from 'zod/mini';
import { keepEmpty } from '../known-fields.ts';

const any = () => z.optional(z.unknown());

const part = z.strictObject({
  type: z.optional(z.string()),
  text: keepEmpty(any()),
  refusal: any(),
  image_url: any(),
  detail: any(),
  file_id: any(),
  file_url: any(),
  file_data: any(),
  filename: any(),
  annotations: any(),
  logprobs: any(),
  // SDKs that parse an answer add this field and send it back.
  parsed: any(),
});

const message = z.strictObject({
  type: z.optional(z.literal('message')),
  role: z.string(),
  content: keepEmpty(z.optional(z.union([z.string(), z.array(z.union([z.string(), part, z.unknown()]))]))),
  id: any(),
  status: any(),
  phase: any(),
});

const call = z.strictObject({
  type: z.enum(['function_call', 'custom_tool_call']),
  call_id: any(),
  name: any(),
  arguments: keepEmpty(any()),
  input: keepEmpty(any()),
  id: any(),
  status: any(),
  parsed_arguments: any(),
});

const callOutput = z.strictObject({
  type: z.enum(['function_call_output', 'custom_tool_call_output']),
  call_id: any(),
  output: keepEmpty(any()),
  name: any(),
  id: any(),
  status: any(),
});

const reasoning = z.strictObject({
  type: z.literal('reasoning'),
  content: any(),
  summary: any(),
  id: any(),
  status: any(),
});

/** Several items may be one message of a chat, of which there may be 2,048. */
export const mostItems = 4096;

export const inputField = z
  .union([
    z.string(),
    z.array(z.union([message, call, callOutput, reasoning, z.unknown()])).check(z.maxLength(mostItems)),
  ])
  .check(
    z.describe(
      'A text of the user, or a list of messages, function calls, their outputs and reasoning. Other items are ignored.',
    ),
  );
