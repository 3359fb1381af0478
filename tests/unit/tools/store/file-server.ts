// A web server for downloads: ranges, and whatever goes wrong with them.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Starts a server that answers by path; closed, with its connections, when the test ends. */
export async function startServer(answers: Record<string, Answer>) {
  const requests: { path: string; range: string | undefined; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const { range, authorization } = request.headers;
    requests.push({ path, range, authorization });
    const answer = answers[path];
    if (answer) return answer(request, response);
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  onTestFinished(() => close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, requests, close };
}

/** Whether a request only looks: the store asks for the first byte before it downloads. */
export function isProbe(request: IncomingMessage): boolean {
  return request.headers.range === 'bytes=0-0';
}

/** Serves bytes, whole or by range, with an ETag. */
export function serve(bytes: Buffer, etag = '"1"'): Answer {
  return (request, response) => {
    const { start, end, headers } = rangeOf(request, bytes.length, etag);
    response.writeHead(request.headers.range ? 206 : 200, headers).end(bytes.subarray(start, end + 1));
  };
}

/** Serves bytes up to `cut` of the file, then falls silent with the connection open. */
export function serveUntil(bytes: Buffer, cut: number, etag = '"1"'): Answer {
  return (request, response) => {
    const { start, end, headers } = rangeOf(request, bytes.length, etag);
    response.writeHead(request.headers.range ? 206 : 200, headers);
    if (end < cut) return response.end(bytes.subarray(start, end + 1));
    response.flushHeaders();
    response.write(bytes.subarray(start, Math.max(start, cut)));
  };
}

function rangeOf(request: IncomingMessage, length: number, etag: string) {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from ?? 0);
  const end = to ? Math.min(Number(to), length - 1) : length - 1;
  const headers: Record<string, string | number> = {
    'accept-ranges': 'bytes',
    'content-length': end - start + 1,
    etag,
  };
  if (from !== undefined) headers['content-range'] = `bytes ${start}-${end}/${length}`;
  return { start, end, headers };
}
