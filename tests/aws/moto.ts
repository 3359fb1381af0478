// A local AWS. moto's server simulates S3, SQS, Step Functions and CloudFormation. Lambda functions run as real runtime
// processes instead of moto's containers. Clients and moto's state machines reach both through one address.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { installPythonTool } from '../../tools/deploy/python-tool.ts';

/** Answers an invocation like Lambda, or refuses it as throttled. */
export type InvokeFunction = (payload: unknown) => Promise<FunctionAnswer | 'throttled'>;

export interface FunctionAnswer {
  readonly payload: string;
  /** True when the function returned an error. */
  readonly failed: boolean;
}

export interface LocalAws {
  /** Settings for a client of the AWS SDK. */
  readonly settings: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** Environment variables for clients and functions. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * Starts moto and the functions, which are keyed by name. Installs moto on first use; this needs Python 3.11 with pip.
 * `onRequest` is called with each request to moto, such as `PUT /bucket/key`. When it returns false, the request is
 * dropped without a response.
 */
export async function startAws(
  functions: Readonly<Record<string, InvokeFunction>>,
  onRequest: (request: string) => unknown,
): Promise<LocalAws> {
  const moto = await installPythonTool('moto[server,stepfunctions]==5.2.5', 'moto_server');
  let motoPort = 0;
  const gateway = createServer(async (request, response) => {
    const [, name] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(request.url ?? '') ?? [];
    if (name === undefined) {
      if (onRequest(`${request.method} ${request.url}`) === false) return;
      return pass(request, response, motoPort);
    }
    const invoke = functions[decodeURIComponent(name).split(':')[6] ?? decodeURIComponent(name)];
    if (invoke === undefined) {
      response.writeHead(404, { 'x-amzn-errortype': 'ResourceNotFoundException' }).end('{}');
      return;
    }
    const answer = await invoke(JSON.parse((await buffer(request)).toString()));
    if (answer === 'throttled') {
      const headers = { 'x-amzn-errortype': 'TooManyRequestsException', 'x-amzn-requestid': randomUUID() };
      response.writeHead(429, headers).end('{}');
      return;
    }
    const { payload, failed } = answer;
    response.writeHead(200, failed ? { 'x-amz-function-error': 'Unhandled' } : {}).end(payload);
  });
  await once(gateway.listen(0, '127.0.0.1'), 'listening');
  const { port } = gateway.address() as AddressInfo;

  const [python, ...args] = moto.command;
  const server = spawn(python, [...args, '--host', '127.0.0.1', '--port', '0'], {
    // moto's state machines call AWS through this port.
    env: { ...process.env, ...moto.env, MOTO_PORT: String(port), NO_PROXY: '127.0.0.1,localhost' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(server, 'exit');
  motoPort = await readPort(server.stderr);
  const endpoint = `http://127.0.0.1:${port}`;
  await fetch(`${endpoint}/moto-api/config`, {
    method: 'POST',
    body: JSON.stringify({ stepfunctions: { execute_state_machine: true } }),
  });
  const region = 'eu-central-1';
  const credentials = { accessKeyId: 'testing', secretAccessKey: 'testing' };
  return {
    settings: { endpoint, region, credentials },
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    close: async () => {
      server.kill('SIGKILL');
      await exited;
      gateway.closeAllConnections();
      gateway.close();
    },
  };
}

/** Reads the port from the log of Werkzeug, moto's HTTP server. */
function readPort(log: NodeJS.ReadableStream): Promise<number> {
  return new Promise((resolve, reject) => {
    let seen = '';
    createInterface({ input: log })
      .on('line', (line) => {
        const [, port] = /Running on http:\/\/127\.0\.0\.1:(\d+)/.exec(line) ?? [];
        if (port === undefined) seen += `${line}\n`;
        else resolve(Number(port));
      })
      .once('close', () => reject(new Error(`moto did not start: ${seen}`)));
  });
}

function pass(request: IncomingMessage, response: ServerResponse, port: number): void {
  const { method, url, headers } = request;
  const passed = forward({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  passed.on('error', () => response.destroy());
  request.pipe(passed);
}
