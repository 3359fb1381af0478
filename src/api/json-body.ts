// Parses the JSON of a request body that may contain any bytes.
import { RequestError } from '../errors/request-error.ts';
import { assertFewValues } from './json-size.ts';

// Drops a byte order mark, which some programs write at the start of a file.
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses a request body.
 *
 * @throws {RequestError} `invalid_json` when the body is not UTF-8 or not JSON; its message quotes no body; `invalid_value` when it
 *   has too many values
 */
export function parseJson(body: Uint8Array): unknown {
  assertFewValues(body);
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new RequestError('invalid_json', 'The request body is not valid UTF-8. Send UTF-8.');
  }
  if (text.trim() === '')
    throw new RequestError('invalid_json', 'The request body is empty. Send a JSON object.');
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8's message may quote the prompt, so only its position is used.
    const position = / (\d+)(?: \(line \d+ column \d+\))?$/.exec(String(error))?.[1];
    const where = position === undefined ? '' : ` at character ${position}`;
    throw new RequestError('invalid_json', `The request body is not valid JSON${where}.`);
  }
}
