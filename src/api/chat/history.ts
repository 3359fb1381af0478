// Converts the messages of a request to a conversation. Clients send back what they got, from this server or from another one.
import type { ChatMessage, Content, ContentPart, ToolCall } from '../../chat/conversation.ts';
import { RequestError } from '../../errors/request-error.ts';
import { isJsonObject } from '../../json-schema/json-object.ts';
import { isNeutral } from '../known-fields.ts';
import type { MessageFields } from './message-fields.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Converts messages.
 *
 * @throws {RequestError} for a part of the system's or the user's message that is neither text nor an image
 */
export function toConversation(messages: readonly MessageFields[]): ChatMessage[] {
  return messages.map((message, index): ChatMessage => {
    const path = `messages.${index}.content`;
    switch (message.role) {
      case 'system':
      case 'developer':
        return {
          role: 'system',
          content: toContent(message.content, (part, at) => readPart(part, `${path}.${at}`)),
        };
      case 'user':
        return {
          role: 'user',
          content: toContent(message.content, (part, at) => readPart(part, `${path}.${at}`)),
        };
      case 'assistant':
        return toAnswer(message);
      case 'tool':
      case 'function': {
        const { content, tool_call_id: id, name } = message;
        return {
          role: 'tool',
          content: toContent(content, (part, at) => readToolPart(part, `${path}.${at}`)),
          ...(isName(id) && { callId: String(id) }),
          ...(isName(name) && { name: String(name) }),
        };
      }
      default:
        throw message satisfies never;
    }
  });
}

function toContent(
  content: unknown,
  toPart: (part: unknown, index: number) => ContentPart | undefined,
): Content {
  if (typeof content === 'string') return content;
  if (content === null || content === undefined) return '';
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content.map(toPart).filter((part) => part !== undefined);
}

const imageTypes: ReadonlySet<unknown> = new Set(['image_url', 'image', 'input_image']);

/** Reads a part as a text or an image. Returns `undefined` for anything else. */
function tryPart(part: unknown): ContentPart | undefined {
  if (typeof part === 'string') return { type: 'text', text: part };
  if (!isJsonObject(part)) return undefined;
  if (imageTypes.has(part.type) || part.image_url !== undefined) return { type: 'image' };
  return typeof part.text === 'string' ? { type: 'text', text: part.text } : undefined;
}

function readPart(part: unknown, path: string): ContentPart | undefined {
  if (part === null || (isJsonObject(part) && part.text === null)) return undefined;
  const read = tryPart(part);
  if (read !== undefined) return read;
  const isText = isJsonObject(part) && (part.type === 'text' || 'text' in part);
  const param = `${path}.${isText ? 'text' : 'type'}`;
  throw new RequestError(
    'invalid_value',
    `'${param}' must be ${isText ? 'a string' : '"text"'}. This model reads only text.`,
    {
      param,
    },
  );
}

const mediaTypes: ReadonlySet<unknown> = new Set([
  'audio',
  'input_audio',
  'audio_url',
  'video',
  'video_url',
  'input_video',
  'file',
  'input_file',
]);

/** Reads a part of a tool's result. Data becomes JSON, but media would fill the context. */
function readToolPart(part: unknown, path: string): ContentPart | undefined {
  const isText = isJsonObject(part) && part.type === 'text';
  if (isText && (part.text ?? null) === null) return undefined;
  const isMedia = isJsonObject(part) && mediaTypes.has(part.type);
  return isMedia ? readPart(part, path) : (tryPart(part) ?? { type: 'text', text: JSON.stringify(part) });
}

type Answer = Extract<MessageFields, { role: 'assistant' }>;

function toAnswer(message: Answer): ChatMessage {
  const { content: given, refusal } = message;
  const reasoning = toReasoning(message);
  const parts = isNeutral(given) ? '' : toContent(given, (part) => tryPart(part) ?? toRefusal(part));
  const content = parts.length === 0 && typeof refusal === 'string' ? refusal : parts;
  return { role: 'assistant', content, ...(reasoning !== '' && { reasoning }), calls: toCalls(message) };
}

function toRefusal(part: unknown): ContentPart | undefined {
  return isJsonObject(part) && typeof part.refusal === 'string'
    ? { type: 'text', text: part.refusal }
    : undefined;
}

/** Finds the thoughts under the names of DeepSeek, OpenRouter, vLLM, Ollama, LiteLLM and Anthropic. */
function toReasoning(message: Answer): string {
  const { content, reasoning_content, reasoning, thinking, thinking_blocks, reasoning_details } = message;
  const parts = Array.isArray(content) ? content.filter(isThought) : [];
  const texts = [reasoning_content, reasoning, thinking, thinking_blocks, reasoning_details, parts].map(
    (given) => readText(given),
  );
  return texts.find((text) => text !== '') ?? '';
}

function isThought(part: unknown): boolean {
  return isJsonObject(part) && (part.type === 'thinking' || part.type === 'reasoning');
}

/** Thoughts are texts, or lists of objects that hold texts, one or two levels deep. */
const deepestText = 4;

function readText(value: unknown, depth = deepestText): string {
  if (typeof value === 'string') return value;
  if (depth === 0) return '';
  if (Array.isArray(value)) return value.map((item) => readText(item, depth - 1)).join('');
  if (!isJsonObject(value)) return '';
  const { text, thinking, reasoning, summary, content } = value;
  return readText(text ?? thinking ?? reasoning ?? summary ?? content, depth - 1);
}

function toCalls({ tool_calls, function_call }: Answer): ToolCall[] {
  const calls: unknown[] = Array.isArray(tool_calls) ? tool_calls : [function_call];
  return calls.filter(isJsonObject).map((call, index) => {
    const called: Fields = [call.function, call.custom].find(isJsonObject) ?? call;
    return {
      id: isName(call.id) ? String(call.id) : `call_${index}`,
      name: isName(called.name) ? String(called.name) : '',
      arguments: called.arguments ?? called.args ?? called.input ?? called.parsed_arguments ?? {},
    };
  });
}

function isName(value: unknown): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && value !== '');
}
