// Converts the messages of a request to the messages that a chat template reads.

import { RequestError } from '../errors/request-error.ts';
import type { TemplateMessage } from './chat-template.ts';
import type { ChatMessage, ChatTool } from './conversation.ts';
import { describeTools, writeToolCall } from './tool-syntax.ts';

export interface MessageOptions {
  /** Whether the template writes tools and calls. If not, they are written into the messages. */
  readonly templateKnowsTools: boolean;
  /** Whether a note replaces each image. If not, a request with an image is rejected. */
  readonly imagePlaceholders: boolean;
}

const imageNote = '[An image was here. This model reads text only, so it was left out.]';

/**
 * Converts messages for the template.
 *
 * @throws {RequestError} `unsupported_parameter` for an image, `invalid_value` for call arguments that are
 * not JSON
 */
export function toTemplateMessages(
  messages: readonly ChatMessage[],
  tools: readonly ChatTool[],
  options: MessageOptions,
): TemplateMessage[] {
  const converted = messages.map((message, index) => toTemplateMessage(message, index, options));
  if (options.templateKnowsTools) return converted;
  const joined = joinToolAnswers(converted, messages);
  return tools.length === 0 ? joined : withSystemText(joined, describeTools(tools));
}

function toTemplateMessage(message: ChatMessage, index: number, options: MessageOptions): TemplateMessage {
  const { content } = message;
  const text = typeof content === 'string' ? content : (content ?? []).map(toText(index, options)).join('');
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', content: text };
    case 'user':
      return { role: 'user', content: text };
    case 'assistant': {
      const calls = message.tool_calls ?? [];
      const reasoning = message.reasoning_content;
      const thoughts = typeof reasoning === 'string' && { reasoning_content: reasoning };
      if (calls.length === 0) return { role: 'assistant', content: text, ...thoughts };
      const parsed = calls.map((call, place) => ({
        id: call.id,
        type: 'function' as const,
        function: {
          name: call.function.name,
          arguments: parseArguments(call.function.arguments, `messages.${index}.tool_calls.${place}`),
        },
      }));
      if (options.templateKnowsTools)
        return { role: 'assistant', content: text, ...thoughts, tool_calls: parsed };
      const written = parsed.map(({ function: call }) => writeToolCall(call.name, call.arguments));
      return {
        role: 'assistant',
        content: [text, ...written].filter((part) => part !== '').join('\n'),
        ...thoughts,
      };
    }
    case 'tool':
      if (options.templateKnowsTools)
        return { role: 'tool', content: text, tool_call_id: message.tool_call_id };
      return { role: 'user', content: `<tool_response>\n${text}\n</tool_response>` };
    default:
      throw message satisfies never;
  }
}

function toText(index: number, { imagePlaceholders }: MessageOptions) {
  return (
    part: { readonly type: 'text'; readonly text: string } | { readonly type: 'image_url' },
  ): string => {
    if (part.type === 'text') return part.text;
    if (imagePlaceholders) return `\n${imageNote}\n`;
    throw new RequestError('unsupported_parameter', 'This model reads only text. Remove the image.', {
      param: `messages.${index}.content`,
    });
  };
}

function parseArguments(text: string, param: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    throw new RequestError('invalid_value', `'${param}.function.arguments' must be JSON.`, {
      param: `${param}.function.arguments`,
    });
  }
}

/** Joins consecutive tool messages, because many templates reject two user messages in a row. */
function joinToolAnswers(
  converted: readonly TemplateMessage[],
  messages: readonly ChatMessage[],
): TemplateMessage[] {
  const joined: TemplateMessage[] = [];
  for (const [index, message] of converted.entries()) {
    const previous = joined.at(-1);
    const followsTool = messages[index]?.role === 'tool' && messages[index - 1]?.role === 'tool';
    if (followsTool && previous !== undefined)
      joined[joined.length - 1] = { ...previous, content: `${previous.content}\n${message.content}` };
    else joined.push(message);
  }
  return joined;
}

function withSystemText(messages: readonly TemplateMessage[], text: string): TemplateMessage[] {
  const [first, ...rest] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content: text }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${text}` }, ...rest];
}
