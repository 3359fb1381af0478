// Rewrites messages for templates that allow only a user and an assistant who take turns, as Gemma's and Mistral's do.
import { toldFormat } from './call-forms.ts';
import { writeCalls } from './call-syntax.ts';
import type { TemplateMessage } from './chat-template.ts';

/**
 * Merges messages until a user and an assistant take turns, the user first. System messages and the results of tools become
 * texts of the user, and calls become texts of the assistant. `keepSystem`: whether a first system message stays.
 */
export function takeTurns(
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
  const reasoning = join(one.reasoning_content, other.reasoning_content);
  return {
    role: one.role,
    content: join(one.content, other.content),
    ...(reasoning !== '' && { reasoning_content: reasoning }),
  };
}
