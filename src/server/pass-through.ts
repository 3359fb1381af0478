// Passes a request to the runtime and the answer to the client, piece by piece as it comes.
import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as openRequest,
  type ServerResponse,
} from 'node:http';
import { eventStreamType } from '../api/stream-answer.ts';
import type { RequestError } from '../errors/request-error.ts';
import { findApiForm } from '../http/api-form.ts';
import { askRuntime, type RuntimeSource, toLateError } from './ask-runtime.ts';
import { RuntimeExitedError } from './emulator-errors.ts';
import { endAnswer, endToEndHeaders } from './http-answer.ts';
import type { Runtime } from './runtime-link.ts';

export interface PassThroughOptions extends RuntimeSource {
  /** How much later the answer is given up. The runtime ends its answers in time, where they are read. */
  readonly lateSeconds: number;
  /** What ends a stream that the runtime left unfinished. */
  readonly explain: (error: unknown) => RequestError;
}

/** A request whose body was read whole, so that it can go to the next runtime when the first one was already ending. */
export interface PassedRequest {
  readonly request: IncomingMessage;
  readonly body: Uint8Array;
  readonly response: ServerResponse;
}

/**
 * Answers on the response. Resolves when that is closed: the answer was sent, or the client disconnected.
 *
 * @throws {RuntimeExitedError} when the runtime ends before it begins to answer
 * @throws {RequestError} `deadline_exceeded` when it does not begin in time
 */
export function passThrough(passed: PassedRequest, options: PassThroughOptions): Promise<void> {
  return askRuntime(options, async (runtime) => {
    if (!passed.response.destroyed) await exchange(runtime, passed, options);
  });
}

async function exchange(
  { socket: socketPath, agent }: Runtime,
  { request, body, response }: PassedRequest,
  { timeoutSeconds, lateSeconds, explain }: PassThroughOptions,
): Promise<void> {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  const { method, url: path, headers } = request;
  const outgoing = openRequest({ socketPath, agent, method, path, headers: toRuntimeHeaders(headers, body) });
  const timer = setTimeout(
    () => {
      // A client that stays and does not read would keep its slot.
      if (response.headersSent) response.destroy();
      else reject(toLateError(timeoutSeconds));
    },
    (timeoutSeconds + lateSeconds) * 1000,
  );
  response.once('close', resolve);
  // The runtime says that it has the request, before it does anything with it.
  let delivered = false;
  outgoing.once('information', () => {
    delivered = true;
  });
  outgoing.once('response', (incoming) => relay(incoming, request, response, explain));
  outgoing.on('error', (cause) =>
    reject(new RuntimeExitedError('The runtime did not answer.', { delivered, cause })),
  );
  outgoing.end(body);
  try {
    await done;
  } finally {
    clearTimeout(timer);
    response.off('close', resolve);
    outgoing.destroy();
  }
}

/** The headers of a request on a connection of the front's own. Node adds no length to the body of a DELETE. */
function toRuntimeHeaders(headers: IncomingMessage['headers'], body: Uint8Array): OutgoingHttpHeaders {
  const { expect: _, ...kept } = endToEndHeaders(headers);
  return { ...kept, ...(body.byteLength > 0 && { 'content-length': body.byteLength }) };
}

/** Copies an answer as fast as the client reads it. */
function relay(
  incoming: IncomingMessage,
  request: IncomingMessage,
  response: ServerResponse,
  explain: (error: unknown) => RequestError,
): void {
  const { statusCode = 502, headers } = incoming;
  const length = headers['content-length'];
  response.writeHead(statusCode, {
    ...endToEndHeaders(headers),
    ...(length !== undefined && { 'content-length': length }),
  });
  const requestId = String(headers['x-request-id'] ?? '');
  const format = findApiForm(request.url ?? '', request.headers).toStreamFormat(requestId);
  const [mediaType = ''] = format.contentType.split(';');
  const isStream = headers['content-type']?.startsWith(mediaType) ?? false;
  const chunkEnd = format.contentType === eventStreamType ? '\n\n' : '\n';
  // A chunk is written in one piece, so a piece that does not end like one is a part of a chunk.
  let isBetweenChunks = isStream;
  incoming.on('data', (piece: Buffer) => {
    isBetweenChunks = isStream && piece.toString('latin1', piece.length - chunkEnd.length) === chunkEnd;
  });
  incoming.pipe(response, { end: false });
  incoming.once('end', () => endAnswer(response));
  incoming.on('error', (cause) => {
    const error = new RuntimeExitedError('The runtime ended within its answer.', { delivered: true, cause });
    if (isBetweenChunks) response.end(format.fail(explain(error)));
    else response.destroy();
  });
}
