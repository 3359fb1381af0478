// Bearer keys, as OpenAI's clients send them.
import { createHash, timingSafeEqual } from 'node:crypto';
import { RequestError } from '../errors/request-error.ts';
import type { ApiKeySource } from './api-key.ts';

/**
 * Checks an `authorization` header against the key that is asked for. The comparison takes as long for a wrong key
 * as for the right one.
 *
 * @throws {RequestError} `invalid_api_key` when the header is missing or has another key, `api_key_unavailable` when
 * the key that is asked for cannot be read
 */
export async function authorize(header: string | undefined, apiKey: ApiKeySource): Promise<void> {
  const given = toBearerKey(header);
  if (given === undefined) throw refusal(header);
  if (isSame(given, await failingAsUnavailable(apiKey.current()))) return;
  if (isSame(given, await failingAsUnavailable(apiKey.latest()))) return;
  throw refusal(header);
}

function toBearerKey(header: string | undefined): string | undefined {
  return /^bearer +(.+)$/i.exec(header?.trim() ?? '')?.[1];
}

function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

/** Of one length, whatever the key's: only texts of equal length can be compared in constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function refusal(header: string | undefined): RequestError {
  return new RequestError(
    'invalid_api_key',
    header === undefined ? 'Send the key: authorization: Bearer KEY.' : 'The key is not the right one.',
    { headers: { 'www-authenticate': 'Bearer' } },
  );
}

/** The source has logged the reason, which is not the caller's. */
async function failingAsUnavailable(key: Promise<string>): Promise<string> {
  try {
    return await key;
  } catch {
    throw new RequestError('api_key_unavailable', 'Keys cannot be checked now. Try again later.', {
      headers: { 'retry-after': '5' },
    });
  }
}
