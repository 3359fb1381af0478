// A light HTTP client that notes when each part of an answer came. It shares the processors with the server that is
// measured, so it parses nothing before the answer is whole.
import { Agent, request } from 'node:http';

/** A part of an answer, and when it came, on the clock of `performance.now()`. */
export interface Part {
  readonly at: number;
  readonly bytes: Buffer;
}

export interface Exchange {
  /** Before the request was written. */
  readonly startedAt: number;
  /** After the last byte was read. */
  readonly endedAt: number;
  readonly parts: readonly Part[];
}

/** The server answered with something else than success. */
export class HttpStatusError extends Error {
  override readonly name = 'HttpStatusError';
  readonly status: number;

  constructor(status: number, body: string) {
    super(`HTTP status ${status}: ${body}`);
    this.status = status;
  }
}

const agent = new Agent({ keepAlive: true });

/**
 * Posts JSON over a kept connection. `onFirstPart` is called when the answer's body begins to come.
 *
 * @throws {HttpStatusError} when the status is not 200
 * @throws {Error} with Node's `code` when the connection fails
 */
export function post(url: string, body: object, onFirstPart?: () => void): Promise<Exchange> {
  const content = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) };
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const outgoing = request(url, { method: 'POST', agent, headers });
    outgoing.once('error', (error: NodeJS.ErrnoException) => {
      // The server let go of a connection just when it was taken again.
      if (outgoing.reusedSocket && error.code === 'ECONNRESET')
        post(url, body, onFirstPart).then(resolve, reject);
      else reject(error);
    });
    outgoing.once('response', (incoming) => {
      const parts: Part[] = [];
      incoming.on('data', (bytes: Buffer) => parts.push({ at: performance.now(), bytes }));
      if (onFirstPart !== undefined) incoming.once('data', onFirstPart);
      incoming.once('error', reject);
      incoming.once('end', () => {
        const endedAt = performance.now();
        if (incoming.statusCode === 200) resolve({ startedAt, endedAt, parts });
        else reject(new HttpStatusError(incoming.statusCode ?? 0, toText(parts)));
      });
    });
    outgoing.end(content);
  });
}

/** The whole answer as text. */
export function toText(parts: readonly Part[]): string {
  return Buffer.concat(parts.map(({ bytes }) => bytes)).toString();
}
