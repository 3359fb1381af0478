// Lambda, the emulator of port 8000 and load balancers take the result of an invocation only up to a size, and fail a longer
// one by themselves.
import { RequestError } from '../errors/request-error.ts';
import { toJsonText } from '../http/json-text.ts';
import type { Service } from '../http/service.ts';
import type { HttpEvent } from './http-event.ts';

/**
 * The most bytes of JSON. Lambda takes 6 MiB and 100 bytes, and both it and the emulator name this number in their error. A load
 * balancer takes 1 MiB.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
 */
const mostBytes = { invocation: 6 * 1024 * 1024 + 100, loadBalancer: 1024 * 1024 };

/** Returns the bytes of a result as the interface client writes it. */
export async function countBytes(result: object): Promise<number> {
  return Buffer.byteLength(await toJsonText(result));
}

/**
 * Returns the error for a result of so many bytes if it is too large to be returned; otherwise undefined.
 *
 * @param source the kind of HTTP event that is answered; undefined for a direct invoke
 */
export function findExcess(
  bytes: number,
  { isBehindFront = false }: Pick<Service, 'isBehindFront'>,
  source?: HttpEvent['source'],
): RequestError | undefined {
  const [most, taker] =
    source === 'alb'
      ? [mostBytes.loadBalancer, 'a load balancer takes']
      : [mostBytes.invocation, 'an invocation returns'];
  if (bytes <= most) return undefined;
  const elsewhere = isBehindFront
    ? "send it to the API's own path on this port, which has no such limit"
    : 'send it to the Function URL of the streaming function, which returns up to 200 MB';
  return new RequestError(
    'response_too_large',
    `The answer has ${bytes} bytes of JSON, and ${taker} at most ${most}. Ask for less in one request, such as ` +
      `fewer inputs, or embeddings with encoding_format "base64"; or ${elsewhere}.`,
  );
}
