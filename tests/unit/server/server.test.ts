import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { HeldBodies } from '../../../src/server/event-body.ts';
import { InvocationQueue } from '../../../src/server/invocation-queue.ts';
import { createFrontServer } from '../../../src/server/server.ts';

/** Connections that the server has taken. */
async function open(server: ReturnType<typeof createFrontServer>, count: number): Promise<Socket[]> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const clients: Socket[] = [];
  while (clients.length < count) {
    const taken = once(server, 'connection');
    clients.push(connect(port, '127.0.0.1'));
    await taken;
  }
  return clients;
}

it('answers /health before most of the requests that came with it', async () => {
  const begun: string[] = [];
  const server = createFrontServer({
    apiKey: undefined,
    bodies: new HeldBodies(),
    playground: undefined,
    callers: {},
    queue: new InvocationQueue({ limit: 1, now: () => 0 }),
    invoke: () => Promise.reject(new Error('Nobody invokes.')),
    passThrough: async ({ response }) => {
      begun.push('request');
      response.end();
    },
    health: {
      answer: async () => {
        begun.push('health');
        return { status: 200, headers: {}, body: Buffer.from('') };
      },
    },
  });
  const clients = await open(server, 20);

  // All is there before the server reads any of it, in this order.
  for (const [index, client] of clients.entries())
    client.write(`GET ${index < 19 ? '/v1/models' : '/health'} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  await Promise.all(clients.map((client) => once(client, 'data')));

  expect(begun).toHaveLength(20);
  expect(begun.indexOf('health')).toBeLessThan(5);
  server.closeAllConnections();
  server.close();
});
