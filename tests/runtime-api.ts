// A Lambda Runtime API: hands out events and takes what the runtime posts for them, buffered or streamed.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A part of a body, as it came. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** Milliseconds since the question. */
  readonly arrivedAfterMs: number;
}

/** What the runtime posted for an event. */
export interface Post {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The body, and when each part of it came. */
  readonly pieces: readonly Piece[];
  /** The body as text. */
  readonly body: string;
  /** Names in lower case: a streamed answer that failed tells it here. */
  readonly trailers: Readonly<Record<string, string | undefined>>;
}

export interface RuntimeApi {
  /** The value of AWS_LAMBDA_RUNTIME_API. */
  readonly address: string;
  /**
   * Gives the runtime an event when it asks for one, with further headers; resolves with what it posts: an answer, or an
   * error.
   */
  invoke(event: unknown, headers?: Readonly<Record<string, string>>): Promise<Post>;
  /** How many of the runtime's threads wait for an event. */
  readonly asking: number;
  close(): void;
}

/** What Lambda sets for the function's runtime, beside the API's address. */
export function runtimeVariables(api: RuntimeApi, functionName: string): Record<string, string> {
  return {
    AWS_LAMBDA_RUNTIME_API: api.address,
    AWS_LAMBDA_FUNCTION_NAME: functionName,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${functionName}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'stream',
  };
}

interface Invocation {
  readonly id: string;
  readonly event: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly posted: PromiseWithResolvers<Post>;
}

export async function startRuntimeApi(): Promise<RuntimeApi> {
  let count = 0;
  const waiting: Invocation[] = [];
  const running = new Map<string, { invocation: Invocation; startedAt: number }>();
  /** One for each thread that waits for an event. */
  const asking: ServerResponse[] = [];

  // While there is no event the runtime waits, as it does between invocations.
  const handOut = () => {
    if (waiting.length === 0) return;
    const response = asking.shift();
    const invocation = response && waiting.shift();
    if (invocation === undefined) return;
    running.set(invocation.id, { invocation, startedAt: performance.now() });
    response?.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': invocation.id,
      'lambda-runtime-deadline-ms': String(Date.now() + 900_000),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-central-1:123456789012:function:test',
      ...invocation.headers,
    });
    response?.end(JSON.stringify(invocation.event));
  };

  const take = async (path: string, request: IncomingMessage) => {
    const [, id = ''] = /\/invocation\/([^/]+)\/(?:response|error)$/.exec(path) ?? [];
    const { invocation, startedAt } = running.get(id) ?? { startedAt: performance.now() };
    // An error while the function is set up is the answer to whatever waits for it.
    const settled = invocation === undefined ? waiting.splice(0) : [invocation];
    try {
      const post = await readPost(path, request, startedAt);
      for (const { posted } of settled) posted.resolve(post);
    } catch (error) {
      for (const { posted } of settled) posted.reject(error);
    }
  };

  // The runtime may connect for an answer long before it writes it.
  const patient = { headersTimeout: 0, keepAliveTimeout: 0, requestTimeout: 0 };
  const server = createServer(patient, async (request, response) => {
    const { method, url = '' } = request;
    if (method === 'GET' && url.endsWith('/invocation/next')) {
      asking.push(response);
      response.once('close', () => {
        const index = asking.indexOf(response);
        if (index >= 0) asking.splice(index, 1);
      });
      handOut();
      return;
    }
    await take(url, request);
    response.writeHead(202).end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    invoke: (event, headers = {}) => {
      const posted = Promise.withResolvers<Post>();
      count += 1;
      waiting.push({ id: `request-${count}`, event, headers, posted });
      handOut();
      return posted.promise;
    },
    get asking() {
      return asking.length;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function readPost(path: string, request: IncomingMessage, startedAt: number): Promise<Post> {
  const pieces: Piece[] = [];
  // Not by iteration, which joins the pieces that came while it was not looking.
  request.on('data', (bytes: Buffer) =>
    pieces.push({ bytes, arrivedAfterMs: performance.now() - startedAt }),
  );
  await once(request, 'end');
  const { headers, trailers } = request;
  return {
    path,
    headers,
    pieces,
    body: Buffer.concat(pieces.map(({ bytes }) => bytes)).toString(),
    trailers,
  };
}
