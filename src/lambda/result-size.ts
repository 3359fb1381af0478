// Lambda and the emulator of port 8000 take the result of an invocation only up to a size, and fail a longer one by themselves.
import { RequestError } from '../errors/request-error.ts';
import { toJsonText } from '../http/json-text.ts';
import type { Service } from '../http/service.ts';

/**
 * The most bytes of JSON: 6 MiB and 100 bytes. Both name this number in their error.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const mostBytes = 6 * 1024 * 1024 + 100;

/** Returns the bytes of a result as the interface client writes it. */
export async function countBytes(result: object): Promise<number> {
  return Buffer.byteLength(await toJsonText(result));
}

/** Returns the error for a result of so many bytes if it is too large to be returned; otherwise undefined. */
export function findExcess(
  bytes: number,
  { isBehindFront = false }: Pick<Service, 'isBehindFront'>,
): RequestError | undefined {
  if (bytes <= mostBytes) return undefined;
  const elsewhere = isBehindFront
    ? "send it to the API's own path on this port, which has no such limit"
    : 'send it to the Function URL of the streaming function, which returns up to 200 MB';
  return new RequestError(
    'response_too_large',
    `The answer has ${bytes} bytes of JSON, and an invocation returns at most ${mostBytes}. Ask for less in one request, such as ` +
      `fewer inputs, or embeddings with encoding_format "base64"; or ${elsewhere}.`,
  );
}
