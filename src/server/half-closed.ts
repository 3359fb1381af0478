// Answers clients that close their side of the connection after the request, as `nc` and some proxies do.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** The pauses between two probes, in milliseconds: the first one, and the longest. Each is twice the one before. */
const firstPause = 10;
const longestPause = 1000;

/** Lets the server answer on half-closed connections. Node has the setting, but no documented option for it. */
export function allowHalfClosed(server: Server): void {
  Object.assign(server, { httpAllowHalfOpen: true });
}

/**
 * Finds out whether a client that closed its side still reads. Its system rejects what arrives on a connection that was
 * closed completely, so an interim response shows the difference. A client that closes its side within an answer leaves.
 */
export function probeHalfClosed({ socket, httpVersion }: IncomingMessage, response: ServerResponse): void {
  let timer: NodeJS.Timeout | undefined;
  const probe = (pause: number) => {
    if (response.headersSent || response.destroyed) return;
    response.writeProcessing();
    timer = setTimeout(() => probe(Math.min(2 * pause, longestPause)), pause);
  };
  const begin = () => {
    if (response.headersSent) {
      if (!response.writableEnded) socket.destroy();
      // HTTP/1.0 has no interim responses.
    } else if (httpVersion !== '1.0') probe(firstPause);
  };
  if (socket.readableEnded) begin();
  else socket.once('end', begin);
  response.once('close', () => {
    clearTimeout(timer);
    socket.off('end', begin);
  });
}
