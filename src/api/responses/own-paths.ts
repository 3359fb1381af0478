// The fields of a chat under the names that a request of POST /v1/responses has for them.
import type { Rename } from '../renamed-fields.ts';

/** The names of a chat's fields and of their parts, the longest first. */
const names: readonly (readonly [string, string])[] = [
  ['response_format.json_schema', 'text.format'],
  ['response_format', 'text.format'],
  ['max_completion_tokens', 'max_output_tokens'],
  ['reasoning_effort', 'reasoning.effort'],
  ['messages', 'input'],
];

/**
 * Creates the conversion to the client's names.
 *
 * @param messages the field of the request that each message of the chat comes from
 * @param tools the same of each tool
 */
export function toRename(messages: readonly string[], tools: readonly string[]): Rename {
  return (path) => {
    const [field, index, ...rest] = path.split('.');
    const place = index === undefined ? -1 : Number(index);
    if (field === 'messages' && messages[place] !== undefined) {
      const message = messages[place];
      // The text of the user and the instructions have no parts.
      return message.startsWith('input.') ? [message, ...rest].join('.') : message;
    }
    if (field === 'tools' && tools[place] !== undefined)
      return [tools[place], ...rest.filter((name, depth) => depth > 0 || name !== 'function')].join('.');
    const found = names.find(([name]) => path === name || path.startsWith(`${name}.`));
    return found === undefined ? path : found[1] + path.slice(found[0].length);
  };
}
