// The runtime's end of the private socket: answers what the front passes on, and ends when the front has ended.
import { once } from 'node:events';
import { rmdirSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { runtimeSocket } from '../private-socket.ts';

/** Twice Node's default, which the front keeps to: headers that are joined on the way may grow by a few bytes. */
const maxHeaderSize = 32 * 1024;

/** The front guards its clients' time, and keeps its connections to this process. */
const patient = { headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 0 };

export interface ListenerOptions {
  /** The path of the front's socket. */
  readonly frontSocket: string;
  readonly answer: RequestListener;
  /**
   * Resolves when requests can be answered, with lines that tell what was loaded. Until then the front keeps requests; after
   * undefined it waits for another runtime.
   */
  readonly ready: Promise<readonly string[] | undefined>;
  /** Resolves when what is kept of earlier answers is written. */
  readonly settle: () => Promise<void>;
}

/**
 * Listens for the front's requests, and tells the front when they can be answered. When the front ends, however it does,
 * this process and the emulator that started it are killed.
 */
export async function listenForFront({ frontSocket, answer, ready, settle }: ListenerOptions): Promise<void> {
  const emulator = process.ppid;
  const socket = runtimeSocket(frontSocket, process.pid);
  const connection = connect({ path: frontSocket, allowHalfOpen: true });
  connection.on('error', () => {});
  // The front asks in this way whether this process still runs.
  connection.on('data', (ping) => connection.write(ping));
  // The front asks nothing more, or has ended.
  connection.once('end', () => void settle().finally(() => connection.end()));
  connection.once('close', () => {
    removeSockets([socket, frontSocket]);
    // The emulator would wait for another invocation. Its number may be another process's when it has ended.
    if (process.ppid === emulator) process.kill(emulator, 'SIGKILL');
    // process.exit would wait for the interface client, which waits for the next invocation on a thread of Node's pool.
    process.kill(process.pid, 'SIGKILL');
  });
  let description: readonly string[] | undefined;
  const server = createServer({ ...patient, maxHeaderSize }, (request, response) => {
    // The front sends a request again of which it has not heard so.
    response.writeProcessing();
    // Before it is told the description, the front asks nothing: this is the rehearsal.
    if (description === undefined) response.end();
    else answer(request, response);
  });
  await once(server.listen(socket), 'listening');
  await rehearseExchange(socket);
  description = await ready;
  if (description !== undefined) connection.write(`${process.pid} ${JSON.stringify(description)}\n`);
}

/** Sends a request while JavaScript waits for the model: at its first one, Node loads what it answers with. */
async function rehearseExchange(socket: string): Promise<void> {
  const client = connect(socket).on('error', () => {});
  client.write('GET / HTTP/1.1\r\nhost: runtime\r\nconnection: close\r\n\r\n');
  await new Promise((resolve) => client.once('close', resolve).resume());
}

/** Removes the sockets and their directory, if there is nothing else in it. */
function removeSockets(sockets: readonly string[]): void {
  for (const socket of sockets) rmSync(socket, { force: true });
  try {
    rmdirSync(dirname(sockets[0] ?? ''));
  } catch {
    // The front has removed it, or another user has put something there.
  }
}
