// A local Function URL that checks signatures and streams like AWS: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { credentials, region } from './fixtures.ts';

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Respond = (request: Received, response: ServerResponse) => void;

/** Starts a server that answers with each of `responses` in turn, then always with the last one. */
export async function startFunctionUrl(...responses: [Respond, ...Respond[]]) {
  const received: Received[] = [];
  const server = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      const { method = '', url = '', headers } = incoming;
      const request = { method, path: url, headers, body };
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

/** Calls `respond` for a valid signature, and answers like AWS with 403 otherwise. */
export function ifSigned(respond: Respond): Respond {
  return (request, response) => {
    const isValid = request.headers.authorization === authorizationOf(request);
    return (isValid ? respond : answer(403, '{"Message":"Forbidden"}'))(request, response);
  };
}

const sha256 = (data: string) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();

/**
 * Computes the expected authorization header independently of the signing library:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
function authorizationOf({ method, path, headers, body }: Received): string | undefined {
  const date = String(headers['x-amz-date']);
  const [, signedHeaders = ''] = /SignedHeaders=([^,]+),/.exec(headers.authorization ?? '') ?? [];
  const names = signedHeaders.split(';');
  const needed = ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'];
  if (!needed.every((name) => names.includes(name))) return undefined;
  if (headers['x-amz-security-token'] !== credentials.sessionToken) return undefined;
  const canonicalHeaders = names.map((name) => `${name}:${String(headers[name]).trim()}\n`).join('');
  const canonical = [method, path, '', canonicalHeaders, signedHeaders, sha256(body)].join('\n');
  const scope = `${date.slice(0, 8)}/${region}/lambda/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`);
  const signature = hmac(key, toSign).toString('hex');
  return `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
}
