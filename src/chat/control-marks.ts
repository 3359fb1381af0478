// Keeps the texts of control tokens, such as `<|im_end|>`, what they are in a message: text. Only the template's become tokens.
import { isJsonObject } from '../json-schema/json-object.ts';
import type { ChatMessage, ChatTool, Content } from './conversation.ts';

/** A character that no text has (Unicode: for internal use). A prompt is tokenized in pieces around it. */
const breakMark = '\uFDD0';

/** The control tokens of all families look like this. */
const candidates = /<[^<>\s]{1,64}>|\[[^[\]\s]{1,32}\]/g;

/** Breaks the texts of control tokens in a text, so that {@link splitPrompt} finds the places. */
export function breakText(text: string, isControlToken: (text: string) => boolean): string {
  return text
    .replaceAll(breakMark, '')
    .replace(candidates, (mark) => (isControlToken(mark) ? mark[0] + breakMark + mark.slice(1) : mark));
}

/** Breaks the texts of control tokens in messages, as {@link breakText} does. */
export function breakControlMarks(
  messages: readonly ChatMessage[],
  isControlToken: (text: string) => boolean,
): ChatMessage[] {
  const toPlain = (text: string) => breakText(text, isControlToken);
  const toContent = (content: Content): Content =>
    typeof content === 'string'
      ? toPlain(content)
      : content.map((part) => (part.type === 'text' ? { ...part, text: toPlain(part.text) } : part));
  return messages.map((message): ChatMessage => {
    const content = toContent(message.content);
    if (message.role !== 'assistant') return { ...message, content };
    const { reasoning } = message;
    const calls = message.calls.map((call) => ({
      ...call,
      arguments:
        typeof call.arguments === 'string' ? toPlain(call.arguments) : breakValue(call.arguments, toPlain),
    }));
    return { ...message, content, calls, ...(reasoning !== undefined && { reasoning: toPlain(reasoning) }) };
  });
}

/** Breaks the texts of control tokens in tools, as {@link breakText} does. */
export function breakToolMarks(
  tools: readonly ChatTool[],
  isControlToken: (text: string) => boolean,
): ChatTool[] {
  return tools.map((tool) => breakValue(tool, (text) => breakText(text, isControlToken)) as ChatTool);
}

function breakValue(value: unknown, toPlain: (text: string) => string): unknown {
  if (typeof value === 'string') return toPlain(value);
  if (Array.isArray(value)) return value.map((each) => breakValue(each, toPlain));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, each]) => [toPlain(key), breakValue(each, toPlain)]);
  return Object.fromEntries(entries) as unknown;
}

/** Splits a prompt where marks were broken. Each piece is tokenized by itself. */
export function splitPrompt(prompt: string): string[] {
  return prompt.split(breakMark);
}
