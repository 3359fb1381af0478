// Refuses requests that web pages send without leave. A page of any origin may send a text to a server on this machine, and one
// whose name an attacker's DNS server leads here (DNS rebinding) may also read the answer.
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { RequestError } from '../errors/request-error.ts';
import type { Cors } from '../http/cors.ts';

export interface CallerRules {
  /** The names by which requests may address the server. Addresses and `localhost` always may. Default: any name. */
  readonly hosts?: readonly string[] | undefined;
  /** The origins whose pages may send requests. Default: that of the server itself. */
  readonly cors?: Cors | undefined;
}

/**
 * Asserts that no page of a foreign origin sends a request.
 *
 * @throws {RequestError} `host_not_allowed` or `origin_not_allowed`
 */
export function assertAllowedCaller(
  { host, origin }: IncomingHttpHeaders,
  { hosts, cors }: CallerRules,
): void {
  if (hosts !== undefined && host !== undefined && !isAllowedHost(host, hosts))
    throw new RequestError(
      'host_not_allowed',
      "The server is not called by the name in the header 'host'. Use its address, or add the name to ALLOWED_HOSTS.",
    );
  if (origin === undefined || cors?.allows(origin) || isOriginOf(origin, host)) return;
  throw new RequestError(
    'origin_not_allowed',
    'Pages of this origin may not call the server. Add the origin to CORS_ORIGINS.',
  );
}

function isAllowedHost(host: string, names: readonly string[]): boolean {
  const name = toName(host);
  const address = name.replace(/^\[|\]$/g, '');
  return isIP(address) !== 0 || name === 'localhost' || name.endsWith('.localhost') || names.includes(name);
}

function isOriginOf(origin: string, host: string | undefined): boolean {
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

/** The name in a host header, without the port. */
function toName(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
}
