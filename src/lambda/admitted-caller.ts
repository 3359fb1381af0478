// Who invokes: on Lambda an identity that IAM has checked, behind the front of port 8000 a caller whom the front has admitted.
import type { Context } from 'aws-lambda';
import type { RequestContext } from '../generation/context.ts';
import { toSpend } from '../http/admission.ts';
import { findCaller } from '../http/client-context.ts';
import type { Service } from '../http/service.ts';
import { type HttpEvent, toCaller } from './http-event.ts';

interface Admitted {
  readonly service: Service;
  /** As in {@link RequestContext}. */
  readonly tenant: string;
  /** What counts the tokens, where they are counted. */
  readonly spend: Pick<RequestContext, 'spend'>;
}

/**
 * Returns the service for an invocation, what counts its tokens, and who owns what it leaves. The front has counted the request,
 * so the event in it, which may be an HTTP request, is not counted once more. On Lambda, IAM limits who invokes, and a client
 * context is the invoker's own.
 */
export function toAdmitted(
  service: Service,
  lambdaContext: Context,
  httpEvent: HttpEvent | undefined,
): Admitted {
  if (!service.isBehindFront) return { service, spend: {}, tenant: toCaller(httpEvent) };
  const caller = findCaller(lambdaContext) ?? '';
  return {
    service: { ...service, rateLimit: undefined, tokenBudget: undefined },
    spend: toSpend(caller, service),
    // AWS has verified no identity in an event from the front. Its key is one of its headers.
    tenant: httpEvent === undefined ? caller : '',
  };
}
