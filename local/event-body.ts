// The body of an invocation: read up to Lambda's limit, and checked to be JSON, because the emulator cuts
// a longer one silently and aws-lambda-ric exits on one that is not JSON.
import type { IncomingMessage } from 'node:http';

/** Lambda's limit for the event of a synchronous invocation: 6 MiB. */
export const maximumEventBytes = 6 * 1024 * 1024;

/** Whether a request says beforehand that its body is longer than `limit` bytes. */
export function declaresMoreThan(request: IncomingMessage, limit: number): boolean {
  return Number(request.headers['content-length'] ?? 0) > limit;
}

/**
 * Reads a request's body, or gives `undefined` for one over the limit as soon as that is known. Rejects
 * when the client leaves.
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
  if (declaresMoreThan(request, limit)) return undefined;
  const chunks: Uint8Array[] = [];
  let length = 0;
  // The connection outlives the loop: the answer is still to be sent on it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

// A byte order mark is kept, so that it is refused: the runtime's JSON.parse() would refuse it too.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Says what keeps a body from being an event, or `undefined` when it is one: JSON in UTF-8. */
export function findEventFault(bytes: Uint8Array): string | undefined {
  if (bytes.byteLength === 0) return 'The request body is empty: an invocation needs a JSON event.';
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return 'The request body is not valid UTF-8.';
  }
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    return 'The request body is not valid JSON.';
  }
}
