// A local Function URL that checks signatures and streams like AWS: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { credentials, region } from './fixtures.ts';

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly bytes: Buffer;
}

export type Respond = (request: Received, response: ServerResponse) => void;

/** Starts a server that answers with each of `responses` in turn, then always with the last one. */
export async function startFunctionUrl(...responses: [Respond, ...Respond[]]) {
  const received: Received[] = [];
  const server = createServer((incoming, response) => {
    void buffer(incoming).then((bytes) => {
      const { method = '', url = '', headers } = incoming;
      const request = { method, path: url, headers, body: bytes.toString(), bytes };
      const respond = responses[received.length] ?? responses.at(-1);
      received.push(request);
      respond?.(request, response);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, received };
}

export function answer(status: number, body: string): Respond {
  return (_, response) => void response.writeHead(status).end(body);
}

/** Answers with a completion in two chunks that split a UTF-8 character. */
export function streamCompletion(completion: string): Respond {
  return (_, response) => {
    const bytes = Buffer.from(JSON.stringify({ choices: [{ text: completion }] }));
    const cut = bytes.findIndex((byte) => byte > 0x7f) + 1;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(bytes.subarray(0, cut), () => response.end(bytes.subarray(cut)));
  };
}

/** Answers with the stream of a chat whose pieces have these texts. */
export function streamChat(texts: readonly string[]): Respond {
  const toEvent = (content: string) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const text of texts) response.write(toEvent(text));
    response.end('data: [DONE]\n\n');
  };
}

/** Calls `respond` for a valid signature of the credentials, and answers like AWS with 403 otherwise. */
export function ifSigned(respond: Respond, signer: Credentials = credentials): Respond {
  return (request, response) =>
    (isSigned(request, signer) ? respond : answer(403, '{"Message":"Forbidden"}'))(request, response);
}

/** Whether a request has a valid signature of the credentials. */
export function isSigned(request: Received, signer: Credentials): boolean {
  return request.headers.authorization === authorizationOf(request, signer);
}

type Credentials = Omit<typeof credentials, 'sessionToken'> & { readonly sessionToken?: string };

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();

/**
 * Computes the expected authorization header independently of the signing library:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
function authorizationOf(
  { method, path, headers, bytes }: Received,
  signer: Credentials,
): string | undefined {
  const date = String(headers['x-amz-date']);
  const [, signedHeaders = ''] = /SignedHeaders=([^,]+),/.exec(headers.authorization ?? '') ?? [];
  const names = signedHeaders.split(';');
  // AWS demands a signature of the host and of its own headers.
  const needed = ['host', 'x-amz-date', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  if (!needed.every((name) => names.includes(name))) return undefined;
  if (headers['x-amz-security-token'] !== signer.sessionToken) return undefined;
  const canonicalHeaders = names.map((name) => `${name}:${String(headers[name]).trim()}\n`).join('');
  const [name = '', query = ''] = path.split('?');
  // Of an encoded path, the per cent signs are encoded again.
  const canonicalPath = name.split('/').map(encode).join('/');
  const canonical = [
    method,
    canonicalPath,
    toCanonicalQuery(query),
    canonicalHeaders,
    signedHeaders,
    sha256(bytes),
  ].join('\n');
  const scope = `${date.slice(0, 8)}/${region}/lambda/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${signer.secretAccessKey}`);
  const signature = hmac(key, toSign).toString('hex');
  return `AWS4-HMAC-SHA256 Credential=${signer.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
}

/** Encodes all but RFC 3986's unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function toCanonicalQuery(query: string): string {
  const pairs = query.split('&').filter((pair) => pair !== '');
  return pairs
    .map((pair) =>
      pair
        .split('=')
        .map((part) => encode(decodeURIComponent(part)))
        .join('='),
    )
    .sort()
    .join('&');
}
