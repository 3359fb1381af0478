// Converts the messages of a conversation to the messages that a chat template reads.

import { RequestError } from '../errors/request-error.ts';
import { type CallFormat, toldFormat } from './call-forms.ts';
import { describeTools, writeCalls } from './call-syntax.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { ChatMessage, ChatTool, Content, ToolCall } from './conversation.ts';
import type { TemplateMessage } from './template-message.ts';

export interface MessageOptions {
  /** The template. Tools, calls and results that it does not write are written into the messages. */
  readonly template: Pick<ChatTemplate, 'abilities' | 'callFormat' | 'writtenFormat'>;
  /** Whether a note replaces each image. If not, a request with an image is rejected. */
  readonly imagePlaceholders: boolean;
}

/** Replaces an image. */
export const imageNote = '[An image was here. This model reads text only, so it was left out.]';

/**
 * Converts messages for the template.
 *
 * @throws {RequestError} `unsupported_parameter` for an image
 */
export function toTemplateMessages(
  messages: readonly ChatMessage[],
  tools: readonly ChatTool[],
  options: MessageOptions,
): TemplateMessage[] {
  const { template } = options;
  const { writesCalls } = template.abilities;
  const converted = messages.map((message, index) => toTemplateMessage(message, index, options));
  const written = writesCalls ? converted : writeAllCalls(converted, template.writtenFormat);
  if (tools.length === 0 || template.abilities.writesTools) return written;
  return withSystemText(written, describeTools(tools, template.callFormat ?? toldFormat, !writesCalls));
}

function toTemplateMessage(message: ChatMessage, index: number, options: MessageOptions): TemplateMessage {
  const content = toText(message.content, index, options);
  if (message.role === 'tool') {
    const { role, callId, name } = message;
    return { role, content, tool_call_id: callId, name };
  }
  if (message.role !== 'assistant') return { role: message.role, content };
  const { role, calls, reasoning } = message;
  const made = calls.length > 0 ? calls.map(toTemplateCall) : undefined;
  return { role, content, reasoning_content: reasoning, tool_calls: made };
}

function toTemplateCall({ id, name, arguments: given }: ToolCall) {
  return { id, type: 'function', function: { name, arguments: parseArguments(given) } } as const;
}

function toText(content: Content, index: number, { imagePlaceholders }: MessageOptions): string {
  if (typeof content === 'string') return content;
  const texts = content.map((part) => {
    if (part.type === 'text') return part.text;
    if (imagePlaceholders) return imageNote;
    throw new RequestError('unsupported_parameter', 'This model reads only text. Remove the image.', {
      param: `messages.${index}.content`,
    });
  });
  return texts.join('\n');
}

/** Parses arguments. Those of a call that was cut stay a text. */
function parseArguments(given: unknown): unknown {
  if (typeof given !== 'string') return given;
  try {
    return given.trim() === '' ? {} : JSON.parse(given);
  } catch {
    return given;
  }
}

/** Writes calls and results as texts. Consecutive results are one, because many templates reject two user messages in a row. */
function writeAllCalls(messages: readonly TemplateMessage[], format: CallFormat): TemplateMessage[] {
  const written: TemplateMessage[] = [];
  for (const [index, message] of messages.entries()) {
    const text = writeCalls(message, format);
    const isNext = message.role === 'tool' && messages[index - 1]?.role === 'tool';
    const previous = isNext && text.role === 'user' ? written.pop() : undefined;
    written.push(previous ? { ...previous, content: `${previous.content}\n${text.content}` } : text);
  }
  return written;
}

function withSystemText(messages: readonly TemplateMessage[], text: string): TemplateMessage[] {
  const [first, ...rest] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content: text }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${text}` }, ...rest];
}
