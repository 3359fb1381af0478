// The limits of callers hold for invocations too, and the runtime counts. So the front asks it before an invocation waits for its
// turn. The invocation brings the caller's name, by which its tokens are counted and what it leaves is kept apart.
import { once } from 'node:events';
import { type IncomingMessage, type OutgoingHttpHeaders, request as openRequest } from 'node:http';
import { json } from 'node:stream/consumers';
import { type ErrorBody, RequestError } from '../errors/request-error.ts';
import { toCallerName } from '../http/admission.ts';
import { clientContextHeader, toClientContext } from '../http/client-context.ts';
import { askRuntime, type RuntimeSource, toLateError } from './ask-runtime.ts';
import { RuntimeExitedError } from './emulator-errors.ts';
import { endToEndHeaders } from './http-answer.ts';
import { callerHeader, invokePath } from './invoke-path.ts';
import type { Runtime } from './runtime-link.ts';

type Headers = IncomingMessage['headers'];

/**
 * Asks the runtime to admit an invocation with these headers. Returns the headers that the emulator needs to pass the caller's
 * name on.
 *
 * @throws {RequestError} the runtime's refusal, or `deadline_exceeded` when it does not answer in time
 * @throws {RuntimeExitedError} when the runtime ends before it answers
 */
export function requestAdmission(
  headers: Headers,
  clientLeft: AbortSignal,
  source: RuntimeSource,
): Promise<OutgoingHttpHeaders> {
  return askRuntime(source, async (runtime) => {
    const answer = await ask(runtime, headers, clientLeft, source.timeoutSeconds);
    if (answer.statusCode !== 204) throw await toRefusal(answer);
    answer.resume();
    return toCallerHeaders(headers, answer.headers[callerHeader]);
  });
}

/**
 * Admits an invocation with these headers where callers have keys and no limits. The front has checked its key. Returns the headers
 * that the emulator needs to pass the caller's name on.
 *
 * @throws {RequestError} `invalid_value` when the client context cannot be read
 */
export async function nameCaller(headers: Headers): Promise<OutgoingHttpHeaders> {
  return toCallerHeaders(headers, toCallerName({ headers, tenant: '' }));
}

function toCallerHeaders(headers: Headers, caller: unknown): OutgoingHttpHeaders {
  return { [clientContextHeader]: toClientContext(headers[clientContextHeader], caller) };
}

async function ask(
  { socket: socketPath, agent }: Runtime,
  headers: Headers,
  clientLeft: AbortSignal,
  timeoutSeconds: number,
): Promise<IncomingMessage> {
  const { expect: _, ...kept } = endToEndHeaders(headers);
  const late = AbortSignal.timeout(timeoutSeconds * 1000);
  const outgoing = openRequest({
    socketPath,
    agent,
    method: 'POST',
    path: invokePath,
    headers: kept,
    signal: AbortSignal.any([clientLeft, late]),
  });
  // The runtime says that it has the request, before it does anything with it.
  let delivered = false;
  outgoing.once('information', () => {
    delivered = true;
  });
  try {
    const [answer] = (await once(outgoing.end(), 'response')) as [IncomingMessage];
    return answer;
  } catch (cause) {
    clientLeft.throwIfAborted();
    if (late.aborted) throw toLateError(timeoutSeconds);
    throw new RuntimeExitedError('The runtime did not answer.', { delivered, cause });
  }
}

async function toRefusal(answer: IncomingMessage): Promise<RequestError> {
  const { error } = (await json(answer)) as ErrorBody;
  const retryAfter = answer.headers['retry-after'];
  return new RequestError(error.code, error.message, {
    headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
  });
}
