// The bodies of requests, each read up to Lambda's limit, because the emulator cuts a longer one silently.
import type { IncomingMessage } from 'node:http';
import { RequestError } from '../errors/request-error.ts';
import { readWhole } from './read-whole.ts';

/** Lambda's limit for the event of a synchronous invocation: 6 MiB. */
export const maximumEventBytes = 6 * 1024 * 1024;

/** The limit for the bodies of all requests together: 64 MiB, of which the runtime may have a copy. */
const maximumHeldBytes = 64 * 1024 * 1024;

/** What a piece of a body takes besides its bytes. A client may send a body in pieces of one byte. */
const pieceBytes = 128;

/** Whether a request says beforehand that its body is longer than `limit` bytes. */
export function declaresMoreThan(request: IncomingMessage, limit: number): boolean {
  return Number(request.headers['content-length'] ?? 0) > limit;
}

/**
 * Reads a request's body, or gives `undefined` for one over the limit as soon as that is known. Rejects
 * when the client leaves.
 *
 * @param count - called with the length of each piece that comes. What it throws ends the reading.
 */
export async function readBody(
  request: IncomingMessage,
  limit: number,
  count?: (bytes: number) => void,
): Promise<Uint8Array | undefined> {
  return declaresMoreThan(request, limit) ? undefined : readWhole(request, limit, count);
}

/** Bounds the bytes of all bodies that are in memory at the same time, those that have not come whole too. */
export class HeldBodies {
  readonly #limit: number;
  #bytes = 0;

  constructor(limit = maximumHeldBytes) {
    this.#limit = limit;
  }

  /**
   * Reads a request's body and calls `use` with it, or with `undefined` for one over Lambda's limit. The body counts until `use`
   * settles.
   *
   * @throws {RequestError} `server_busy` when all bodies together exceed the limit
   */
  async hold<Result>(
    request: IncomingMessage,
    use: (body: Uint8Array | undefined) => Promise<Result>,
  ): Promise<Result> {
    let held = 0;
    const count = (bytes: number) => {
      held += bytes + pieceBytes;
      this.#bytes += bytes + pieceBytes;
      if (this.#bytes > this.#limit) throw toBusyError(this.#limit);
    };
    try {
      return await use(await readBody(request, maximumEventBytes, count));
    } finally {
      this.#bytes -= held;
    }
  }
}

function toBusyError(limit: number): RequestError {
  return new RequestError(
    'server_busy',
    `The bodies of all requests together take over ${limit} bytes. Try again later.`,
    { headers: { 'retry-after': '1' } },
  );
}
