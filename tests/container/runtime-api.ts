// A Lambda Runtime API that hands out one event and takes one answer, to see that the image is a Lambda function.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface RuntimeApi {
  /** The value of AWS_LAMBDA_RUNTIME_API. */
  readonly address: string;
  /** Resolves with the path and the body of the first thing that the runtime posts. */
  readonly posted: Promise<{ path: string; body: unknown }>;
  close(): void;
}

export async function startRuntimeApi(event: unknown): Promise<RuntimeApi> {
  const posted = Promise.withResolvers<{ path: string; body: unknown }>();
  let events = 1;
  const server = createServer(async (request, response) => {
    if (request.method === 'GET' && request.url?.endsWith('/invocation/next')) {
      if (events-- < 1) return; // Nothing more: the runtime waits, as it does between invocations.
      response.writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': 'request-1',
        'lambda-runtime-deadline-ms': String(Date.now() + 60_000),
        'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-central-1:123456789012:function:completion',
      });
      response.end(JSON.stringify(event));
      return;
    }
    posted.resolve({ path: request.url ?? '', body: await json(request) });
    response.writeHead(202).end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    posted: posted.promise,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
