// Counts what a JSON text has before it is parsed: a million small values hold up the thread that parses them for long.
import { RequestError } from '../errors/request-error.ts';

/** The most of each in one request, so that parsing takes less than a tenth of a second. */
const most = { listsAndObjects: 32_768, fields: 65_536, entries: 131_072 };

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBracket = 0x5b;
const openBrace = 0x7b;

/**
 * Counts lists, objects, their fields and entries. Texts take as long as their bytes, and have no limit of their own.
 *
 * @throws {RequestError} `invalid_value` with the limit that the text exceeds
 */
export function assertFewValues(json: Uint8Array): void {
  // A shorter one has fewer of each.
  if (json.length <= most.listsAndObjects) return;
  let listsAndObjects = 0;
  let fields = 0;
  let entries = 0;
  let isText = false;
  for (let index = 0; index < json.length; index++) {
    const byte = json[index];
    if (isText) {
      if (byte === backslash) index++;
      else if (byte === quote) isText = false;
    } else if (byte === quote) isText = true;
    else if (byte === comma) entries++;
    else if (byte === colon) fields++;
    else if (byte === openBracket || byte === openBrace) listsAndObjects++;
  }
  assertAtMost(listsAndObjects, most.listsAndObjects, 'lists and objects');
  assertAtMost(fields, most.fields, 'fields');
  assertAtMost(entries, most.entries, 'entries of lists and objects');
}

function assertAtMost(count: number, limit: number, of: string): void {
  if (count <= limit) return;
  throw new RequestError(
    'invalid_value',
    `The request must have at most ${limit} ${of}, not ${count}. Send less at once.`,
  );
}
