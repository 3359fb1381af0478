// The messages of a request. A block of a kind that is not listed here has any fields: its conversion judges it.
import * as z from 'zod/mini';
import { keepEmpty } from '../known-fields.ts';

const any = () => z.optional(z.unknown());

/** Marks what Anthropic's cache keeps. Accepted and not used: this server caches all that prompts share. */
export const cacheHint = { cache_control: any() };

const text = z.strictObject({ type: z.literal('text'), text: z.string(), citations: any(), ...cacheHint });

const image = z.strictObject({ type: z.literal('image'), source: any(), ...cacheHint });

const source = { source: any(), title: any(), citations: any(), ...cacheHint };

const document = z.strictObject({ type: z.literal('document'), context: any(), ...source });

const searchResult = z.strictObject({ type: z.literal('search_result'), content: any(), ...source });

/** As in a chat. */
const mostMessages = 2048;

/** The result of a tool may be anything. */
const resultContent = z.union([
  z.array(z.union([text, image, document, searchResult, z.unknown()])),
  z.unknown(),
]);

const toolResult = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: any(),
  content: z.optional(resultContent),
  is_error: any(),
  toolset_name: any(),
  ...cacheHint,
});

const toolUse = z.strictObject({
  type: z.literal('tool_use'),
  id: any(),
  name: any(),
  input: any(),
  caller: any(),
  toolset_name: any(),
  ...cacheHint,
});

const thinking = z.strictObject({ type: z.literal('thinking'), thinking: any(), signature: any() });

const redactedThinking = z.strictObject({ type: z.literal('redacted_thinking'), data: any() });

const block = z.union([
  text,
  image,
  document,
  searchResult,
  toolResult,
  toolUse,
  thinking,
  redactedThinking,
  z.record(z.string(), z.unknown()),
]);

export const messagesField = z
  .array(
    z.strictObject({
      role: z.enum(['user', 'assistant', 'system']),
      content: keepEmpty(z.optional(z.nullable(z.union([z.string(), z.array(block)])))),
    }),
  )
  .check(z.maxLength(mostMessages))
  .check(z.minLength(1))
  .check(
    z.describe('The conversation. Earlier thoughts and the results of tools are taken as a client got them.'),
  );

export const systemField = z
  .optional(z.union([z.string(), z.array(text)]))
  .check(z.describe('The system prompt.'));
