// Opens a port that passes requests on to a private Function URL, until it is interrupted.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { isIPv6 } from 'node:net';
import { STSClient } from '@aws-sdk/client-sts';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { isLoopback } from '../../src/server/loopback.ts';
import type { DeployEnvironment } from '../deploy/deploy-environment.ts';
import { DeployError, toDeployError } from '../deploy/errors.ts';
import { findPrivateUrl, type UrlOptions } from './private-url.ts';
import { createProxy } from './proxy.ts';

export interface ConnectOptions extends UrlOptions {
  readonly port: string;
  readonly host: string;
}

/**
 * Serves until the environment's signal is aborted.
 *
 * @throws {DeployError} when no URL is found, there are no credentials, or the port cannot be listened on
 */
export async function connectPort(
  options: ConnectOptions,
  deployEnvironment: DeployEnvironment,
): Promise<void> {
  const { print, signal } = deployEnvironment;
  const { url, region } = await findPrivateUrl(options, deployEnvironment);
  // Files may get new credentials while the port is open.
  const credentials = defaultProvider({ ignoreCache: true });
  await credentials().catch((error: unknown) => {
    throw toDeployError(error, 'lambda:InvokeFunctionUrl');
  });
  const { sha256 } = new STSClient({ region }).config;
  const isLocal = isLoopback(options.host);
  const server = createProxy({ url, region, credentials, sha256 }, { isLoopback: isLocal, print });
  const origin = await listen(server, options);
  print(`${origin} passes requests on to ${url.origin}, signed with your AWS credentials.`);
  print(`Base URL of OpenAI clients: ${origin}/v1. Any API key will do: it stays on this machine.`);
  if (!isLocal)
    print(
      `Every machine that reaches ${options.host} can use this port with your credentials, without a key.`,
    );
  print('Press Ctrl-C to end.');
  if (!signal.aborted) await once(signal, 'abort');
  server.close();
  server.closeAllConnections();
}

async function listen(
  server: ReturnType<typeof createProxy>,
  { port, host }: ConnectOptions,
): Promise<string> {
  if (!/^\d{1,5}$/.test(port)) throw new DeployError('cannot-listen', `--port ${port} is not a port.`);
  try {
    await once(server.listen(Number(port), host), 'listening');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'the port is in use, choose another one with --port' : message;
    throw new DeployError('cannot-listen', `Cannot listen on ${host} port ${port}: ${reason}.`, { cause });
  }
  const { address, port: chosen } = server.address() as AddressInfo;
  return `http://${isIPv6(address) ? `[${address}]` : address}:${chosen}`;
}
