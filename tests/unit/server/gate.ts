// A place where the fake emulator reports an invocation in flight and waits to be let on.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An invocation that is in flight until it is let on. */
interface HeldInvocation {
  letOn(): void;
}

export interface Gate {
  /** What an event gives as `waitFor`. */
  readonly url: string;
  /** The next invocation to arrive here, in order of arrival. */
  next(): Promise<HeldInvocation>;
  close(): Promise<void>;
}

/** Opens a gate on a free port. */
export async function openGate(): Promise<Gate> {
  const arrived: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    arrived.push(response);
    server.emit('arrival');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async next() {
      while (arrived.length === 0) await once(server, 'arrival');
      const response = arrived.shift();
      return { letOn: () => response?.end() };
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
