// The body of an invocation, read up to Lambda's limit, because the emulator cuts a longer one silently.
import type { IncomingMessage } from 'node:http';
import { readWhole } from './read-whole.ts';

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
  return declaresMoreThan(request, limit) ? undefined : readWhole(request, limit);
}
