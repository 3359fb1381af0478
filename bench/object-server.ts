// An S3 server on this machine with the requests that keep and read objects: PUT, GET, HEAD and DELETE. AWS's clients reach it by
// AWS_ENDPOINT_URL_S3, and name its buckets in the path because its host is an address.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { loopback } from '../src/server/loopback.ts';

interface StoredObject {
  readonly bytes: Buffer;
  /** The headers of the request that stored it. */
  readonly headers: IncomingHttpHeaders;
  readonly storedAt: Date;
}

export interface ObjectServer extends AsyncDisposable {
  readonly url: string;
  /** By path, such as `/bucket/key`. They may be changed. */
  readonly objects: Map<string, StoredObject>;
  /** Environment variables that lead AWS's clients here. */
  readonly env: Readonly<Record<string, string>>;
}

/** `intercept` may answer a request instead, and then returns true. */
export async function startObjectServer(
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean = () => false,
): Promise<ObjectServer> {
  const objects = new Map<string, StoredObject>();
  const server = createServer((request, response) => {
    if (intercept(request, response)) return;
    answer(objects, request, response).catch((error: Error) => response.destroy(error));
  });
  await once(server.listen(0, loopback), 'listening');
  const url = `http://${loopback}:${(server.address() as AddressInfo).port}`;
  return {
    url,
    objects,
    env: {
      AWS_ENDPOINT_URL_S3: url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  objects: Map<string, StoredObject>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (request.method === 'PUT') {
    // Chunks with signatures are not decoded here.
    if (request.headers['content-encoding'] === 'aws-chunked') return fail(response, 501, 'NotImplemented');
    const bytes = await buffer(request);
    objects.set(pathname, { bytes, headers: request.headers, storedAt: new Date() });
    response.writeHead(200).end();
    return;
  }
  if (request.method === 'DELETE') {
    objects.delete(pathname);
    response.writeHead(204).end();
    return;
  }
  const found = objects.get(pathname);
  if (found === undefined) return fail(response, 404, 'NoSuchKey');
  const kept = Object.entries(found.headers).filter(([name]) => /^x-amz-(meta|checksum)-/.test(name));
  response.writeHead(200, {
    ...Object.fromEntries(kept),
    'content-length': found.bytes.length,
    'last-modified': found.storedAt.toUTCString(),
  });
  response.end(request.method === 'HEAD' ? undefined : found.bytes);
}

/** Answers with one of S3's errors. */
export function fail(response: ServerResponse, status: number, code: string, message = code): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}
