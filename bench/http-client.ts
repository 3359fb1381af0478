// A light HTTP client that records when each part of a response arrives. It parses nothing before the response is
// complete, because it shares the processors with the measured server.
import { Agent, request } from 'node:http';

export interface Part {
  /** Time of arrival, from `performance.now()`. */
  readonly at: number;
  readonly bytes: Buffer;
}

export interface Exchange {
  /** Time before the request was written, from `performance.now()`. */
  readonly startedAt: number;
  /** Time after the last byte was read. */
  readonly endedAt: number;
  readonly parts: readonly Part[];
}

/** The server answered with another status than 200. */
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
 * Posts JSON over a keep-alive connection. `onFirstPart` is called when the first part of the body arrives.
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
      // The server closed the idle connection at the moment of its reuse.
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

export function toText(parts: readonly Part[]): string {
  return Buffer.concat(parts.map(({ bytes }) => bytes)).toString();
}
