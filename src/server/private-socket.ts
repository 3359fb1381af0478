// The UNIX sockets between the front and the runtime, in a directory that no other user can enter.
//
// The runtime listens on a socket of its own for the requests that the front passes to it. It also keeps one connection
// to the front's socket: each side learns at once that the other one has ended, because the kernel closes it.
import { dirname, join } from 'node:path';
import type { Environment } from '../config/environment.ts';

/** The environment variable with the path of the front's socket. Only the front sets it, and never on Lambda. */
export const frontSocketVariable = 'FRONT_SOCKET';

/** Whether this is the process that answers for port 8000. */
export function isBehindFront(env: Environment): boolean {
  return env[frontSocketVariable] !== undefined;
}

/** No name here is longer: a socket's whole path has at most 107 bytes, and the front finds out for all of them. */
export const frontSocketName = 'front.socket';

/** The socket on which a runtime answers. Each process has another one, so no request reaches the wrong process. */
export function runtimeSocket(frontSocket: string, pid: number): string {
  return join(dirname(frontSocket), `${pid}.sock`);
}
