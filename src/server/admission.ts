// The limits of callers hold for invocations too, and the runtime counts. So the front asks it before an invocation waits for its
// turn, and the invocation brings by what name its tokens are counted.
import { once } from 'node:events';
import { type IncomingMessage, type OutgoingHttpHeaders, request as openRequest } from 'node:http';
import { json } from 'node:stream/consumers';
import { type ErrorBody, RequestError } from '../errors/request-error.ts';
import { clientContextHeader, toClientContext } from '../http/client-context.ts';
import { RuntimeExitedError } from './emulator-errors.ts';
import { endToEndHeaders } from './http-answer.ts';
import { callerHeader, invokePath } from './invoke-path.ts';
import type { Runtime } from './runtime-link.ts';

/**
 * Asks the runtime to admit an invocation with these headers. Returns the headers that the emulator needs to pass the caller's
 * name on.
 *
 * @throws {RequestError} the runtime's refusal
 * @throws {RuntimeExitedError} when the runtime does not answer
 */
export async function requestAdmission(
  headers: IncomingMessage['headers'],
  { socket: socketPath, agent }: Pick<Runtime, 'socket' | 'agent'>,
  signal: AbortSignal,
): Promise<OutgoingHttpHeaders> {
  const { expect: _, ...kept } = endToEndHeaders(headers);
  const outgoing = openRequest({
    socketPath,
    agent,
    method: 'POST',
    path: invokePath,
    headers: kept,
    signal,
  });
  let answer: IncomingMessage;
  try {
    [answer] = (await once(outgoing.end(), 'response')) as [IncomingMessage];
  } catch (cause) {
    throw new RuntimeExitedError('The runtime did not answer.', { delivered: true, cause });
  }
  if (answer.statusCode !== 204) throw await toRefusal(answer);
  answer.resume();
  return {
    [clientContextHeader]: toClientContext(headers[clientContextHeader], answer.headers[callerHeader]),
  };
}

async function toRefusal(answer: IncomingMessage): Promise<RequestError> {
  const { error } = (await json(answer)) as ErrorBody;
  const retryAfter = answer.headers['retry-after'];
  return new RequestError(error.code, error.message, {
    headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
  });
}
