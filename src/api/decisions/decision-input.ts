// Converts the input of a decisions request to the messages of a chat, one for each item.
import { imageNote } from '../../chat/messages.ts';
import { RequestError } from '../../errors/request-error.ts';
import type { DecisionItem, DecisionsRequest, Question, QuestionPart } from './decisions-request.ts';

type Call = Extract<DecisionItem, { name: string }>;

type CallOutput = Extract<DecisionItem, { output: unknown }>;

type Message = Extract<DecisionItem, { role: string }>;

/**
 * Converts the input. A text becomes a message of the user.
 *
 * @throws {RequestError} `invalid_value` for the output of a call that does not come before it
 */
export function toMessages(input: DecisionsRequest['input']): object[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  const names = new Map<string, string>();
  return input.map((item, index) => {
    if ('role' in item) return toMessage(item);
    switch (item.type) {
      case 'function_call':
      case 'custom_tool_call':
        names.set(item.call_id, item.name);
        return toCall(item);
      case 'function_call_output':
      case 'custom_tool_call_output':
        return toCallOutput(item, names.get(item.call_id), `input.${index}.call_id`);
      default:
        return item satisfies never;
    }
  });
}

function toMessage({ role, content }: Message): object {
  if (typeof content === 'string') return { role, content };
  return { role, content: content.map(toChatPart) };
}

type Part = QuestionPart | { type: 'output_text'; text: string } | { type: 'refusal'; refusal: string };

function toChatPart(part: Part): object {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
      return { type: 'text', text: part.text };
    case 'input_json':
      return { type: 'text', text: JSON.stringify(part.data) };
    case 'input_image':
      return { type: 'image_url', image_url: part.image_url };
    case 'refusal':
      return part;
    default:
      return part satisfies never;
  }
}

function toCall(item: Call): object {
  const { call_id: id, name } = item;
  const given = item.type === 'function_call' ? item.arguments : JSON.stringify({ input: item.input });
  return {
    role: 'assistant',
    content: null,
    tool_calls: [{ id, type: 'function', function: { name, arguments: given } }],
  };
}

function toCallOutput({ call_id: id, output }: CallOutput, name: string | undefined, param: string): object {
  if (name === undefined) {
    throw new RequestError(
      'invalid_value',
      `'${param}' names no earlier call: send the call before its output.`,
      {
        param,
      },
    );
  }
  return {
    role: 'tool',
    tool_call_id: id,
    name,
    content: typeof output === 'string' ? output : output.map(toChatPart),
  };
}

/**
 * The text of a question's instructions.
 *
 * @param placeholders - whether a note replaces each image
 * @throws {RequestError} `unsupported_parameter` for an image
 */
export function toInstructions({ instructions }: Question, param: string, placeholders: boolean): string {
  if (typeof instructions === 'string') return instructions;
  const texts = instructions.map((part) => {
    if (part.type === 'input_text') return part.text;
    if (part.type === 'input_json') return JSON.stringify(part.data);
    if (placeholders) return imageNote;
    throw new RequestError('unsupported_parameter', 'This model reads only text. Remove the image.', {
      param,
    });
  });
  return texts.join('\n');
}
