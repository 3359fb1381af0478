// The limits of a caller whom the front of port 8000 has admitted already.
import type { Context } from 'aws-lambda';
import type { RequestContext } from '../generation/context.ts';
import { toSpend } from '../http/admission.ts';
import { findCaller } from '../http/client-context.ts';
import type { Service } from '../http/service.ts';

/**
 * Returns the service for an invocation, and what counts its tokens. The front has counted the request, so the event in it, which
 * may be an HTTP request, is not counted once more. On Lambda, IAM limits who invokes.
 */
export function toAdmitted(
  service: Service,
  lambdaContext: Context,
): { readonly service: Service; readonly spend: Pick<RequestContext, 'spend'> } {
  const caller = findCaller(lambdaContext);
  if (caller === undefined) return { service, spend: {} };
  return {
    service: { ...service, rateLimit: undefined, tokenBudget: undefined },
    spend: toSpend(caller, service),
  };
}
