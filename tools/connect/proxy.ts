// The local server: reads a request, passes it on signed, and passes the answer back while it comes.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { toMessagesError } from '../../src/api/messages/message-format.ts';
import { toOllamaErrorBody } from '../../src/api/ollama/ollama-error.ts';
import { maximumEventBytes, readBody } from '../../src/server/event-body.ts';
import { endToEndHeaders } from '../../src/server/http-answer.ts';
import { DeployError } from '../deploy/errors.ts';
import { reasonOf } from '../store/errors.ts';
import { sendSigned, type Target } from './signed-request.ts';

/** A refusal that the client reads as the body of its answer. */
class ProxyError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}

export interface ProxyOptions {
  /** Whether only this machine may use the port. */
  readonly isLoopback: boolean;
  /** Prints a failure for who started the proxy. */
  readonly print: (line: string) => void;
}

/** Creates a server, not yet listening, that passes all requests on to the target. */
export function createProxy(target: Target, { isLoopback, print }: ProxyOptions): Server {
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const leaving = new AbortController();
    response.once('close', () => leaving.abort());
    passOn(request, response, leaving.signal).catch((error: unknown) => {
      if (leaving.signal.aborted || response.headersSent) {
        response.destroy();
        return;
      }
      const failure = toProxyError(error);
      print(`${request.method} ${request.url}: ${failure.message}`);
      sendError(request, response, failure);
    });
  };

  async function passOn(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    if (isLoopback) assertLocal(request);
    const body = await readBody(request, maximumEventBytes);
    if (body === undefined)
      throw new ProxyError(413, 'request_too_large', `The body is over ${maximumEventBytes} bytes (6 MiB).`);
    const { method = 'GET' } = request;
    const answer = await sendSigned(
      { method, url: toUrl(request, target.url), headers: toHeaders(request, body), body, signal },
      target,
    );
    const length = answer.headers['content-length'];
    response.writeHead(answer.statusCode ?? 502, {
      ...endToEndHeaders(answer.headers),
      ...(length !== undefined && { 'content-length': length }),
    });
    // The first byte may come much later.
    response.flushHeaders();
    await pipeline(answer, response);
  }

  return createServer(listener);
}

const localNames: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Refuses requests of web pages from elsewhere, which would use the credentials of whoever started the proxy. A page can send
 * requests to this machine, or have its own name resolve to it.
 */
function assertLocal({ headers: { host = '', origin } }: IncomingMessage): void {
  const isLocal = (url: string) => localNames.has(URL.parse(url)?.hostname ?? '');
  if (isLocal(`http://${host}`) && (origin === undefined || isLocal(origin))) return;
  throw new ProxyError(
    403,
    'not_local',
    'Only this machine may use this port: the request has the host or the origin of another one.',
  );
}

/** Encodes the query as the signature does. */
function toUrl({ url = '/' }: IncomingMessage, base: URL): URL {
  const [path = '/', ...query] = url.split('?');
  const passed = new URL(base);
  passed.pathname = path;
  const parameters = [...new URLSearchParams(query.join('?'))];
  passed.search = parameters
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
  return passed;
}

/** The signature takes the place of the client's own key, and of its own Amazon headers. */
function toHeaders({ headers }: IncomingMessage, body: Uint8Array): Record<string, string> {
  const { host: _, authorization: __, expect: ___, ...kept } = endToEndHeaders(headers);
  const passed = Object.entries(kept).filter(([name]) => !name.startsWith('x-amz-'));
  return {
    ...Object.fromEntries(passed.map(([name, value]) => [name, String(value)])),
    ...(body.byteLength > 0 && { 'content-length': String(body.byteLength) }),
  };
}

function toProxyError(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  if (error instanceof DeployError) {
    const status = error.code === 'denied' || error.code === 'unknown-credentials' ? 403 : 401;
    return new ProxyError(status, error.code, error.message, { cause: error });
  }
  return new ProxyError(502, 'unreachable', `The Function URL cannot be reached: ${reasonOf(error)}.`, {
    cause: error,
  });
}

/** Writes an error in the form that the client of the path reads. */
function sendError(
  { url = '' }: IncomingMessage,
  response: ServerResponse,
  { status, code, message }: ProxyError,
): void {
  const body = toErrorBody(url, { status, code, message });
  // The rest of a body that is too long is not read.
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
}

function toErrorBody(
  url: string,
  { status, code, message }: Pick<ProxyError, 'status' | 'code' | 'message'>,
): object {
  if (url.startsWith('/api/')) return toOllamaErrorBody({ message });
  if (url.startsWith('/v1/messages')) return toMessagesError({ status, message, param: null }, null);
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  return { error: { message, type, param: null, code } };
}
