// Answers to what is not HTTP: Node has no request for it, only the bare connection.
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ErrorCode, RequestError } from '../errors/request-error.ts';
import { errorAnswer } from './error-answer.ts';
import { lingerMilliseconds } from './http-answer.ts';

const faults: Readonly<Record<string, [code: ErrorCode, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', "The request's headers are too large."],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request took too long to arrive.'],
};

/** Node keeps the answer that is being sent on a connection here alone. Its own handler of these errors reads it too. */
type HttpConnection = Duplex & { readonly _httpMessage?: ServerResponse | null };

/** Answers a connection on which no request could be read, and closes it. It only closes one on which an answer has begun. */
export function refuseMalformed(error: NodeJS.ErrnoException, connection: HttpConnection): void {
  const hasBegun = connection._httpMessage?.headersSent ?? false;
  if (!connection.writable || hasBegun || error.code === 'ECONNRESET') {
    connection.destroy();
    return;
  }
  const [code, message] = faults[error.code ?? ''] ?? ['malformed_http', 'The request is not valid HTTP.'];
  const { status, headers, body } = errorAnswer(
    new RequestError(code, message, { headers: { connection: 'close' } }),
  );
  const fields = Object.entries({ ...headers, 'content-length': body.byteLength });
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...fields.map((field) => field.join(': '))];
  connection.end(`${head.join('\r\n')}\r\n\r\n${Buffer.from(body).toString()}`);
  setTimeout(() => connection.destroy(), lingerMilliseconds).unref();
}
