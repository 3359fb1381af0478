// Conversations as the browser keeps them: in its storage, and as a file of JSON.
import * as z from 'zod/mini';

// Its compiler needs eval, which the page's content security policy forbids.
z.config({ jitless: true });

const toolCallSchema = z.object({ id: z.string(), name: z.string(), arguments: z.string() });

const messageSchema = z.object({
  role: z.enum(['user', 'assistant', 'tool']),
  content: z.string(),
  reasoning: z.optional(z.string()),
  toolCalls: z.optional(z.array(toolCallSchema)),
  toolCallId: z.optional(z.string()),
});

const conversationSchema = z.object({
  id: z.string(),
  /** A completion has one message of the user, the prompt, and one of the assistant, its text. */
  mode: z.enum(['chat', 'completion']),
  system: z.string(),
  messages: z.array(messageSchema),
  /** The fields of the request that are not the server's defaults. */
  settings: z.record(z.string(), z.unknown()),
  /** A JSON schema that the answer must match, as a text. Empty: none. */
  schema: z.string(),
  /** A list of tools in OpenAI's format, as a text. Empty: none. */
  tools: z.string(),
});

const fileSchema = z.object({ version: z.literal(1), conversations: z.array(conversationSchema) });

export type Message = Readonly<z.output<typeof messageSchema>>;
export type Conversation = Readonly<z.output<typeof conversationSchema>>;
export type Mode = Conversation['mode'];

export function createConversation(id: string, from?: Conversation): Conversation {
  const { mode = 'chat', system = '', settings = {}, schema = '', tools = '' } = from ?? {};
  return { id, mode, system, settings, schema, tools, messages: [] };
}

/** Names a conversation by its first words. */
export function toTitle({ messages }: Conversation): string {
  const text = messages[0]?.content.trim().replaceAll(/\s+/g, ' ') ?? '';
  if (text === '') return 'New conversation';
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

export function exportConversations(conversations: readonly Conversation[]): string {
  return JSON.stringify({ version: 1, conversations }, null, 2);
}

/**
 * Reads what {@link exportConversations} wrote.
 *
 * @throws {Error} with a line for people, when the text is something else
 */
export function importConversations(text: string): readonly Conversation[] {
  const parsed = z.safeParse(fileSchema, parseJson(text));
  if (parsed.success) return parsed.data.conversations;
  const place = parsed.error.issues[0]?.path.join('.');
  throw new Error(
    `The file has no conversations of this page${place ? `: '${place}' does not fit` : ''}. Choose a file that it exported.`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Adds imported conversations. One that is there already is replaced. */
export function mergeConversations(
  conversations: readonly Conversation[],
  imported: readonly Conversation[],
): readonly Conversation[] {
  const ids = new Set(imported.map(({ id }) => id));
  return [...imported, ...conversations.filter(({ id }) => !ids.has(id))];
}
