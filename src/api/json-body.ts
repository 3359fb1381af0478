// Reading JSON from bytes that anyone may have sent.
import { RequestError } from '../errors/request-error.ts';

// A byte order mark is kept, so that JSON.parse() refuses it, as the runtime's own would.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses a request body.
 *
 * @throws {RequestError} `invalid_json`, saying what is wrong without quoting the body
 */
export function parseJson(body: Uint8Array): unknown {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new RequestError('invalid_json', 'The request body is not valid UTF-8.');
  }
  if (text.trim() === '')
    throw new RequestError('invalid_json', 'The request body is empty: send a JSON object.');
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8 quotes the text around the error, which may be a prompt: only the position is passed on.
    const position = / (\d+)(?: \(line \d+ column \d+\))?$/.exec(String(error))?.[1];
    const where = position === undefined ? '' : ` at character ${position}`;
    throw new RequestError('invalid_json', `The request body is not valid JSON${where}.`);
  }
}
