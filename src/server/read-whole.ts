// Reads a stream whole. `node:stream/consumers` does so through a Blob, which adds a tenth of a millisecond to each request.
import type { Readable } from 'node:stream';

/**
 * Reads a stream of bytes to its end, or gives `undefined` as soon as it has more than `limit` bytes, and leaves the rest of them
 * unread.
 *
 * @param limit - in bytes. Default: none
 * @param count - called with the length of each piece. What it throws ends the reading.
 * @throws the stream's error, or one of its own when the stream closes before its end
 */
export function readWhole(stream: Readable): Promise<Buffer>;
export function readWhole(
  stream: Readable,
  limit: number,
  count?: (bytes: number) => void,
): Promise<Buffer | undefined>;
export function readWhole(
  stream: Readable,
  limit = Number.POSITIVE_INFINITY,
  count: (bytes: number) => void = () => {},
): Promise<Buffer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  const chunks: Buffer[] = [];
  let length = 0;
  const stop = () => {
    stream.off('data', take).pause();
    // The listeners that are left keep the list, while the rest is thrown away.
    chunks.length = 0;
  };
  const take = (chunk: Buffer) => {
    length += chunk.byteLength;
    try {
      count(chunk.byteLength);
    } catch (error) {
      stop();
      reject(error);
      return;
    }
    chunks.push(chunk);
    if (length <= limit) return;
    stop();
    resolve(undefined);
  };
  stream.on('data', take);
  stream.once('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
  stream.once('error', reject);
  const close = () => reject(new Error('The connection was closed before the end of the body.'));
  stream.once('close', close);
  if (stream.errored) reject(stream.errored);
  else if (stream.closed) close();
  return promise;
}
