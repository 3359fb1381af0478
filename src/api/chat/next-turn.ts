// What the next turn of a chat begins with: the conversation with its answer, and what the template writes before a question.
import type { Token } from '../../engine/engine.ts';
import type { ModelService } from '../service.ts';
import { type Conversation, renderPrompt, tokenizeRendered } from './chat-prompt.ts';

/** Stands for a question that nobody knows yet. */
const unknownQuestion = '[the next question]';

/**
 * Renders a conversation with its answer up to the next question.
 *
 * @returns undefined when the template writes questions in a form of its own
 * @throws {RequestError} when the template rejects another question, or the conversation no longer fits
 */
export async function toNextTurn(
  { messages, ...rest }: Conversation,
  answer: string,
  service: ModelService,
): Promise<Token[] | undefined> {
  const next = [
    ...messages,
    { role: 'assistant', content: answer },
    { role: 'user', content: unknownQuestion },
  ] as const;
  const { prompt } = await renderPrompt({ ...rest, messages: next }, service);
  const end = prompt.lastIndexOf(unknownQuestion);
  if (end === -1) return undefined;
  return tokenizeRendered(prompt.slice(0, end), service, 'messages');
}
