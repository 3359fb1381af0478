// An answer that the request begins: its last message, of the assistant, which the model goes on writing.
import type { ChatFormat } from '../../chat/chat-format.ts';
import type { RenderedPrompt, TemplateVariables } from '../../chat/chat-template.ts';
import type { ControlMarks } from '../../chat/control-marks.ts';
import { type TemplateAbilities, toThoughtMarks } from '../../chat/template-abilities.ts';
import { RequestError } from '../../errors/request-error.ts';
import type { ChatRequest } from './chat-request.ts';
import { toConversation } from './history.ts';
import type { MessageFields } from './message-fields.ts';

/** The messages before a begun answer, and its text. */
interface BegunAnswer {
  readonly messages: readonly MessageFields[];
  /** Empty: nothing is begun. */
  readonly text: string;
}

/**
 * Splits off the last message of a request with `continue_final_message`.
 *
 * @throws {RequestError} `invalid_value` when it is no text of the assistant behind another message
 */
export function takeBegunAnswer({
  messages,
  continue_final_message: continues,
}: Pick<ChatRequest, 'messages' | 'continue_final_message'>): BegunAnswer {
  if (!continues) return { messages, text: '' };
  const before = messages.slice(0, -1);
  const [last] = toConversation(messages.slice(-1));
  if (before.length === 0 || last?.role !== 'assistant' || last.calls.length > 0) throw notBegun(messages);
  const { content } = last;
  const parts = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content;
  return {
    messages: before,
    text: parts.map((part) => (part.type === 'text' ? part.text : '')).join('\n'),
  };
}

function notBegun({ length }: readonly MessageFields[]): RequestError {
  return new RequestError(
    'invalid_value',
    `'messages.${length - 1}' cannot be continued: only a text of the assistant without tool calls, behind another message, can.`,
    { param: `messages.${length - 1}` },
  );
}

/**
 * The end of the prompt: the text of a begun answer, in which the texts of control tokens are broken.
 *
 * @throws {RequestError} `invalid_value` when the template opens thoughts before it
 */
export function toPromptEnd(
  text: string,
  { generationPrompt }: RenderedPrompt,
  variables: TemplateVariables,
  abilities: TemplateAbilities,
  controlMarks: ControlMarks,
): string {
  if (text !== '' && toThoughtMarks(abilities.thoughts, generationPrompt)?.hasStarted)
    throw behindThoughts(variables, abilities);
  return controlMarks.breakText(text);
}

/** Names no value that turns thoughts off: each API has its own. */
function behindThoughts(
  { thinking, kwargs = {} }: TemplateVariables,
  { canSwitchThinking }: TemplateAbilities,
): RequestError {
  if (!canSwitchThinking || thinking === false) {
    return new RequestError(
      'invalid_value',
      'This model always thinks first, so an answer cannot be begun. Leave out the last message.',
      { param: 'messages' },
    );
  }
  const field = typeof kwargs.enable_thinking === 'boolean' ? 'chat_template_kwargs' : 'reasoning_effort';
  return new RequestError(
    'invalid_value',
    `An answer that is begun cannot follow thoughts. Turn the thoughts off with '${field}'.`,
    { param: field },
  );
}

/** The format of the rest of a begun answer. */
export function toRestOf(text: string, { reader, grammar, ...format }: ChatFormat): ChatFormat {
  if (text === '') return { ...format, reader, grammar };
  return {
    ...format,
    // Without a call to find, all that follows is content, blanks at its start included.
    reader: reader.mayCall
      ? { ...reader, continues: true }
      : { ...reader, parser: undefined, thoughts: undefined },
    // A grammar that waits for a trigger has none in the text so far.
    grammar:
      grammar === undefined || grammar.triggers !== undefined
        ? grammar
        : { ...grammar, prefix: `${grammar.prefix ?? ''}${text}` },
  };
}
