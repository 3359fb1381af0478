// Checks the bearer keys that OpenAI's clients send.
import { createHash, timingSafeEqual } from 'node:crypto';
import { RequestError } from '../errors/request-error.ts';
import type { ApiKeySource } from './api-key.ts';

/**
 * Checks an `authorization` header against the API key, in constant time.
 *
 * @throws {RequestError} `invalid_api_key` when the header is missing or has another key,
 * `api_key_unavailable` when the API key cannot be read
 */
export async function authorize(header: string | undefined, apiKey: ApiKeySource): Promise<void> {
  const sent = toBearerKey(header);
  if (sent === undefined) throw toInvalidKeyError(header);
  if (isSame(sent, await orUnavailable(apiKey.current()))) return;
  if (isSame(sent, await orUnavailable(apiKey.latest()))) return;
  throw toInvalidKeyError(header);
}

function toBearerKey(header: string | undefined): string | undefined {
  return /^bearer +(.+)$/i.exec(header?.trim() ?? '')?.[1];
}

function isSame(sent: string, expected: string): boolean {
  return timingSafeEqual(digest(sent), digest(expected));
}

/** Hashes a key, because a comparison in constant time needs equal lengths. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function toInvalidKeyError(header: string | undefined): RequestError {
  return new RequestError(
    'invalid_api_key',
    header === undefined
      ? "The API key is missing. Send it in the header 'authorization: Bearer KEY'."
      : "The API key is wrong. Send the server's key in the header 'authorization: Bearer KEY'.",
    { headers: { 'www-authenticate': 'Bearer' } },
  );
}

/** Hides the reason from the caller. The source of the key has logged it. */
async function orUnavailable(key: Promise<string>): Promise<string> {
  try {
    return await key;
  } catch {
    throw new RequestError(
      'api_key_unavailable',
      'The server cannot check API keys at the moment. Try again later.',
      {
        headers: { 'retry-after': '5' },
      },
    );
  }
}
