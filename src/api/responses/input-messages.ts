// Converts the input of POST /v1/responses to the messages of a chat.
import { RequestError } from '../../errors/request-error.ts';
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { isJsonObject } from '../../json-schema/json-object.ts';
import { isNeutral } from '../known-fields.ts';
import type { InputItem } from './input-items.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The messages of a chat. `paths` has the field of the request that each of them comes from. */
export interface InputMessages {
  readonly messages: readonly Fields[];
  readonly paths: readonly string[];
}

/** The places of the items that are one message of the assistant: thoughts, then a text, then calls. */
const places = { reasoning: 0, content: 1, calls: 2 } as const;

type Place = (typeof places)[keyof typeof places];

/** An item as a message, or as the part of a message of the assistant. */
interface Said {
  readonly message: Fields;
  readonly place?: Place;
}

/** @throws {RequestError} for an item that only its id describes, and for one without a type or role */
export function toInputMessages(
  items: readonly InputItem[],
  instructions: string | undefined,
  foreign: ForeignFields,
): InputMessages {
  const messages: Record<string, unknown>[] = [];
  const paths: string[] = [];
  let last: Place | undefined;
  const add = ({ message, place }: Said, path: string) => {
    const previous = messages.at(-1);
    if (previous !== undefined && place !== undefined && continues(last, place)) join(previous, message);
    else {
      messages.push({ ...message });
      paths.push(path);
    }
    last = place;
  };
  if (instructions !== undefined) add({ message: { role: 'system', content: instructions } }, 'instructions');
  for (const { item, path } of items) {
    const said = readItem(item, path);
    if (said !== undefined) add(said, path);
    else foreign.leaveOut(path, `'${path}' has a type that this server does not have. Leave it out.`);
  }
  return { messages, paths };
}

function continues(last: Place | undefined, place: Place): boolean {
  return last !== undefined && (place > last || place === places.calls);
}

function join(message: Record<string, unknown>, addition: Fields): void {
  const { tool_calls: calls } = message;
  // A request may have very many calls.
  if (Array.isArray(calls) && Array.isArray(addition.tool_calls)) calls.push(...addition.tool_calls);
  else Object.assign(message, addition);
}

/** Returns `undefined` for an item of another type, such as a call of a tool that OpenAI runs. */
function readItem(item: unknown, path: string): Said | undefined {
  if (!isJsonObject(item) || (isNeutral(item.type ?? null) && item.role === undefined))
    throw new RequestError('invalid_value', `'${path}' must be an object with a 'type' or a 'role'.`, {
      param: path,
    });
  const { type, role, content, call_id: id, name, output } = item;
  const toCall = (call: Fields): Said => ({
    message: { role: 'assistant', tool_calls: [{ id, ...call }] },
    place: places.calls,
  });
  switch (isNeutral(type ?? null) ? 'message' : type) {
    case 'message': {
      const message = { role, content: Array.isArray(content) ? content.map(toPart) : content };
      return role === 'assistant' ? { message, place: places.content } : { message };
    }
    case 'reasoning': {
      const thoughts = isNeutral(content ?? null) ? item.summary : content;
      return { message: { role: 'assistant', reasoning_content: thoughts }, place: places.reasoning };
    }
    case 'function_call':
      return toCall({ type: 'function', function: { name, arguments: item.arguments } });
    case 'custom_tool_call':
      return toCall({ type: 'custom', custom: { name, input: item.input } });
    case 'function_call_output':
    case 'custom_tool_call_output':
      return { message: { role: 'tool', tool_call_id: id, name, content: output } };
    case 'item_reference':
      throw new RequestError(
        'invalid_value',
        `'${path}' refers to an item, but the server stores none. Send the item itself, as clients do with 'store': false.`,
        { param: path },
      );
    default:
      return undefined;
  }
}

/** Keeps the fields that a chat reads. */
function toPart(part: unknown): unknown {
  if (!isJsonObject(part)) return part;
  const read = ['type', 'text', 'refusal', 'image_url'];
  return Object.fromEntries(Object.entries(part).filter(([name]) => read.includes(name)));
}
