// Parses the JSON of a request body that may contain any bytes.
import { RequestError } from '../errors/request-error.ts';

// Drops a byte order mark, which some programs write at the start of a file.
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The most fields, lists and objects of a body. Very many would hold up other requests for seconds. */
const mostValues = 65_536;

/** The most entries of all lists and objects. A million numbers would take 0.2 s. */
const mostEntries = 131_072;

/**
 * Parses a request body.
 *
 * @throws {RequestError} `invalid_value` when it has very many fields, lists and objects, or entries of them
 * @throws {RequestError} `invalid_json` when the body is not UTF-8 or not JSON; its message quotes no body
 */
export function parseJson(body: Uint8Array): unknown {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new RequestError('invalid_json', 'The request body is not valid UTF-8. Send UTF-8.');
  }
  if (text.trim() === '')
    throw new RequestError('invalid_json', 'The request body is empty. Send a JSON object.');
  // Each has a character of its own.
  if (text.length > mostValues) assertFewValues(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8's message may quote the prompt, so only its position is used.
    const position = / (\d+)(?: \(line \d+ column \d+\))?$/.exec(String(error))?.[1];
    const where = position === undefined ? '' : ` at character ${position}`;
    throw new RequestError('invalid_json', `The request body is not valid JSON${where}.`);
  }
}

function assertFewValues(json: string): void {
  let count = 0;
  let commas = 0;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '"') at = findEndOfString(json, at + 1);
    else if (character === ':' || character === '[' || character === '{') count++;
    else if (character === ',') commas++;
    assertWithinLimits(count, commas);
  }
}

/**
 * Refuses a body that was parsed before, as the event of an invocation is, by the rule of {@link parseJson}.
 *
 * @throws {RequestError} `invalid_value` when it has very many fields, lists and objects, or entries of them
 */
export function assertFewParsed(body: unknown): void {
  const open = [body];
  let count = 0;
  let commas = 0;
  for (const each of open) {
    if (typeof each !== 'object' || each === null) continue;
    const isList = Array.isArray(each);
    const items: unknown[] = isList ? each : Object.values(each);
    count += isList ? 1 : 1 + items.length;
    commas += Math.max(0, items.length - 1);
    assertWithinLimits(count, commas);
    for (const item of items) if (typeof item === 'object') open.push(item);
  }
}

function assertWithinLimits(count: number, commas: number): void {
  if (count > mostValues) throw toTooMany(mostValues, 'fields, lists and objects');
  if (commas > mostEntries) throw toTooMany(mostEntries, 'entries of lists and objects');
}

function toTooMany(most: number, of: string): RequestError {
  return new RequestError(
    'invalid_value',
    `The request must have at most ${most} ${of}. Send less in one request.`,
  );
}

/** Finds the quotation mark that ends a string: an even number of backslashes is before it. */
function findEndOfString(json: string, start: number): number {
  let end = json.indexOf('"', start);
  while (end >= 0) {
    let escapes = 0;
    while (json[end - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return end;
    end = json.indexOf('"', end + 1);
  }
  return json.length;
}
