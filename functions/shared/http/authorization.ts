// Bearer keys, as OpenAI's clients send them.
import { createHash, timingSafeEqual } from 'node:crypto';
import { RequestError } from './errors.ts';

/**
 * Checks an `authorization` header against the key that is asked for. The comparison takes as long for a wrong key
 * as for the right one.
 *
 * @throws {RequestError} `invalid_api_key` when the header is missing or has another key
 */
export function assertAuthorized(header: string | undefined, apiKey: string): void {
  const given = /^bearer +(.+)$/i.exec(header?.trim() ?? '')?.[1] ?? '';
  if (timingSafeEqual(digest(given), digest(apiKey))) return;
  throw new RequestError(
    'invalid_api_key',
    header === undefined ? 'Send the key: authorization: Bearer KEY.' : 'The key is not the right one.',
    { headers: { 'www-authenticate': 'Bearer' } },
  );
}

/** Of one length, whatever the key's: only texts of equal length can be compared in constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
