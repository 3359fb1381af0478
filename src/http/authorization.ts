// Checks the keys that clients send: a bearer key, as OpenAI's clients do, or `x-api-key`, as Anthropic's do.
import { createHash, timingSafeEqual } from 'node:crypto';
import { RequestError } from '../errors/request-error.ts';
import type { ApiKeySource } from './api-key-source.ts';

/** The headers that may have a key, and those of any request. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Checks the key of a request against the API key, in constant time.
 *
 * @throws {RequestError} `invalid_api_key` when the key is missing or another one, `api_key_unavailable` when the API key
 * cannot be read
 */
export async function authorize(headers: Headers, apiKey: ApiKeySource): Promise<void> {
  const sent = toSentKey(headers);
  if (sent === undefined) throw toInvalidKeyError(headers);
  if (isAmong(sent, await orUnavailable(apiKey.current()))) return;
  if (isAmong(sent, await orUnavailable(apiKey.latest()))) return;
  throw toInvalidKeyError(headers);
}

/** Returns the key of a request. A bearer key comes first. */
export function toSentKey({ authorization, 'x-api-key': apiKey }: Headers): string | undefined {
  const bearer =
    typeof authorization === 'string' ? /^bearer +(\S.*)$/i.exec(authorization.trim())?.[1] : undefined;
  if (bearer !== undefined) return bearer;
  return typeof apiKey === 'string' && apiKey.trim() !== '' ? apiKey.trim() : undefined;
}

/** Compares with every key, so that the time does not tell which one is like it. */
function isAmong(sent: string, keys: readonly string[]): boolean {
  const hash = digest(sent);
  return keys.filter((key) => timingSafeEqual(hash, digest(key))).length > 0;
}

/** Hashes a key, because a comparison in constant time needs equal lengths. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const howToSend = "in the header 'authorization: Bearer KEY' or 'x-api-key: KEY'";

function toInvalidKeyError({ authorization, 'x-api-key': apiKey }: Headers): RequestError {
  return new RequestError(
    'invalid_api_key',
    authorization === undefined && apiKey === undefined
      ? `The API key is missing. Send it ${howToSend}.`
      : `The API key is wrong. Send the server's key ${howToSend}.`,
    { headers: { 'www-authenticate': 'Bearer' } },
  );
}

/** Hides the reason from the caller. The source of the key has logged it. */
async function orUnavailable(key: Promise<readonly string[]>): Promise<readonly string[]> {
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
