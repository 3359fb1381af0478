// Who may send a request, and whose requests and tokens are counted for it.
import { createHash } from 'node:crypto';
import type { RequestContext } from '../generation/context.ts';
import { authorize, type Headers, toSentKey } from './authorization.ts';
import type { Service } from './service.ts';

type Caller = { readonly headers: Headers; readonly tenant?: string | undefined };

/**
 * Checks the key of a request, and counts the request. Returns by what name the caller's tokens are counted.
 *
 * @throws {RequestError} `invalid_api_key`, `api_key_unavailable`, `token_budget_exceeded` or `rate_limit_exceeded`
 */
export async function admit(
  caller: Caller,
  { apiKey, rateLimit, tokenBudget }: Pick<Service, 'apiKey' | 'rateLimit' | 'tokenBudget'>,
): Promise<string> {
  if (apiKey !== undefined) await authorize(caller.headers, apiKey);
  if (rateLimit === undefined && tokenBudget === undefined) return '';
  // Where no key is asked for, the one that is sent tells nothing.
  const name = apiKey !== undefined || caller.tenant ? toCallerName(caller) : '';
  tokenBudget?.assertLeft(name);
  rateLimit?.take(name);
  return name;
}

/** Names a caller by a hash, because a key must not be kept or passed on. */
export function toCallerName(caller: Caller): string {
  return createHash('sha256')
    .update(toTenant(caller) ?? '')
    .digest('base64url');
}

/** How a request's tokens are counted, where they are. */
export function toSpend(
  caller: string,
  { tokenBudget }: Pick<Service, 'tokenBudget'>,
): Pick<RequestContext, 'spend'> {
  return tokenBudget === undefined ? {} : { spend: (tokens) => tokenBudget.spend(caller, tokens) };
}

/**
 * Each key has conversations of its own, whichever header it comes in, and so has each caller that AWS knows. The header of
 * such a caller has a signature, which is another one in each request.
 */
export function toTenant({ headers, tenant }: Caller): string | undefined {
  if (tenant === undefined) return undefined;
  if (tenant !== '') return `caller ${tenant}`;
  const key = toSentKey(headers);
  return `key ${key === undefined ? (headers.authorization ?? '') : `Bearer ${key}`}`;
}
