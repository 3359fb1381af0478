// Rewrites the messages of a conversation for templates that do not accept them as they are.
import { toldFormat } from './call-forms.ts';
import { writeCalls } from './call-syntax.ts';
import type { TemplateMessage } from './template-message.ts';

/** The forms of messages that templates accept, the most faithful first. */
export const forms: readonly ((messages: readonly TemplateMessage[]) => readonly TemplateMessage[])[] = [
  (messages) => messages,
  withoutSystemMessage,
  withUserAsSystem,
  (messages) => takeTurns(messages, { keepSystem: true }),
  (messages) => takeTurns(messages, { keepSystem: false }),
];

/** Makes the text before calls a message of its own. */
export function withTextApart(message: TemplateMessage): readonly TemplateMessage[] {
  const { role, content, tool_calls } = message;
  if (tool_calls === undefined || content.trim() === '') return [message];
  return [
    { role, content },
    { ...message, content: '' },
  ];
}

/** Makes system messages that are not the first message the user's. */
function withUserAsSystem(messages: readonly TemplateMessage[]): readonly TemplateMessage[] {
  return messages.map((message, index) =>
    message.role === 'system' && index > 0 ? { ...message, role: 'user' } : message,
  );
}

/** Merges the system message into the first user message, as llama.cpp does. It drops one alone, which is made the user's. */
export function withoutSystemMessage(messages: readonly TemplateMessage[]): readonly TemplateMessage[] {
  const [system, next, ...rest] = messages;
  if (system?.role !== 'system') return messages;
  if (next?.role !== 'user') return [{ ...system, role: 'user' }, ...messages.slice(1)];
  return [{ ...next, content: `${system.content}\n${next.content}` }, ...rest];
}

/**
 * Merges messages until a user and an assistant take turns, the user first. System messages and the results of tools become
 * texts of the user, and calls become texts of the assistant. `keepSystem`: whether a first system message stays.
 */
function takeTurns(
  messages: readonly TemplateMessage[],
  { keepSystem }: { readonly keepSystem: boolean },
): TemplateMessage[] {
  const [first, ...rest] = messages;
  if (keepSystem && first?.role === 'system') return [first, ...takeTurns(rest, { keepSystem: false })];
  const turns: TemplateMessage[] = [];
  for (const turn of messages.map(toTurn)) {
    const previous = turns.at(-1);
    if (previous === undefined && turn.role === 'assistant') turns.push({ role: 'user', content: '' }, turn);
    else if (previous?.role !== turn.role) turns.push(turn);
    else turns[turns.length - 1] = merge(previous, turn);
  }
  return turns;
}

function toTurn(message: TemplateMessage): TemplateMessage {
  const turn = writeCalls(message, toldFormat);
  return turn.role === 'assistant' ? turn : { role: 'user', content: turn.content };
}

function merge(one: TemplateMessage, other: TemplateMessage): TemplateMessage {
  const join = (...texts: (string | undefined)[]) => texts.filter((text) => text).join('\n\n');
  return {
    role: one.role,
    content: join(one.content, other.content),
    reasoning_content: join(one.reasoning_content, other.reasoning_content) || undefined,
  };
}
