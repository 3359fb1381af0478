// Ports of this machine that no other machine reaches. All its users reach them.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

export const loopback = '127.0.0.1';

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Two ports that are free at this moment, on every address: a named address would load Node's DNS, five milliseconds of a start. */
export async function findFreePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const;
  await Promise.all(servers.map((server) => once(server.listen(0), 'listening')));
  const [first, second] = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return [first ?? 0, second ?? 0];
}

/** Whether anybody listens on a port. */
export async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, loopback);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
