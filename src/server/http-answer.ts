// Answers as values, and how they are sent.
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { clientContextHeader, rewriteClientContext } from '../http/client-context.ts';

/** A whole HTTP answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array;
}

// RFC 9110 section 7.6.1, and the two that a body taken whole gets anew.
const connectionHeaders = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
]);

/** An answer's headers without those that belong to the one connection they came on. */
export function endToEndHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = new Set(headers.connection?.split(',').map((name) => name.trim().toLowerCase()));
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !connectionHeaders.has(name) && !named.has(name)),
  );
}

const traceHeader = 'x-amzn-trace-id';

/**
 * The headers that the emulator gets of an invocation. It reads others too: an id with a slash, or an identity that is not JSON, would
 * end the runtime or leave it without an answer.
 *
 * @throws {RequestError} `invalid_value` when the client context is not a JSON object in Base64
 */
export function invocationHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const { [traceHeader]: traceId, [clientContextHeader]: context } = headers;
  return {
    ...(traceId !== undefined && { [traceHeader]: traceId }),
    ...(typeof context === 'string' &&
      context !== '' && { [clientContextHeader]: rewriteClientContext(context) }),
  };
}

/** How long a client may go on sending after its answer, before the connection is closed on it. */
export const lingerMilliseconds = 5_000;

/** Sends an answer, also to a client that is still sending its request. */
export function sendAnswer(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-length': body.byteLength });
  response.write(body);
  endAnswer(response);
}

/**
 * Ends an answer. When the client is still sending its request, the connection is kept for a while and
 * what comes is thrown away: closing it at once would reset it, and the client could lose the answer.
 */
export function endAnswer(response: ServerResponse): void {
  const request = response.req;
  if (request.complete) {
    response.end();
    return;
  }
  // With its length told, the answer is whole for the client before it is ended here.
  const linger = setTimeout(() => request.destroy(), lingerMilliseconds);
  request.once('close', () => {
    clearTimeout(linger);
    response.end();
  });
  request.resume();
}
