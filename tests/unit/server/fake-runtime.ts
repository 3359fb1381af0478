// Imitates the process that the emulator starts: connects to the front as the real one does, and does what a path commands.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { callerHeader, invokePath } from '../../../src/server/invoke-path.ts';
import { frontSocketVariable } from '../../../src/server/private-socket.ts';
import { listenForFront } from '../../../src/server/runtime/listener.ts';

const event = 'data: {"choices":[]}\n\n';

let requests = 0;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  requests += 1;
  const body = await text(request);
  const { method, url = '', headers } = request;
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const gate = searchParams.get('gate') ?? '';
  const own = { 'x-runtime': String(process.pid), 'x-requests': String(requests) };
  switch (pathname) {
    case invokePath: {
      if (typeof headers['x-gate'] === 'string') await fetch(headers['x-gate']);
      if (headers.authorization === 'Bearer over-its-limit') {
        const error = { code: 'rate_limit_exceeded', message: 'Too many.' };
        response.writeHead(429, { 'retry-after': '30' }).end(JSON.stringify({ error }));
      } else response.writeHead(204, { [callerHeader]: 'somebody' }).end();
      return;
    }
    // Begins, and ends when whoever holds the gate lets it.
    case '/slow':
      response.writeHead(200, own).write('begun ');
      await fetch(gate);
      response.end('ended');
      return;
    case '/api/chat':
      response.writeHead(200, { ...own, 'content-type': 'application/x-ndjson' }).write('{"done":false}\n');
      await fetch(gate);
      response.end();
      return;
    case '/events':
    case '/v1/messages':
      response.writeHead(200, { ...own, 'content-type': 'text/event-stream; charset=utf-8' }).write(event);
      await fetch(gate);
      response.end();
      return;
    case '/part-of-an-event':
      response.writeHead(200, { ...own, 'content-type': 'text/event-stream' }).write(event.slice(0, -2));
      return;
    case '/stuck':
      response.writeHead(200, own).write('stuck');
      return;
    // Comes to the gate without an answer.
    case '/silent':
      await fetch(gate);
      return;
    // Comes to the gate, and answers then.
    case '/late':
      await fetch(gate);
      response.writeHead(200, own).end('late');
      return;
    // Comes to the gate when its client has disconnected before the answer begins.
    case '/left-early':
      response.once('close', () => void fetch(gate).catch(() => {}));
      return;
    // Comes to the gate when its client has disconnected.
    case '/left':
      response.once('close', () => void fetch(gate).catch(() => {}));
      response.writeHead(200, own).write('waiting');
      return;
    // Writes as much as is read, comes to the gate, and ends.
    case '/flood': {
      response.writeHead(200, own);
      const piece = Buffer.alloc(2 ** 20);
      for (let sent = 0; sent < 1000; sent += 1) {
        if (!response.write(piece) && !(await drains(response))) break;
      }
      await fetch(gate);
      response.end();
      return;
    }
    default: {
      response.writeHead(201, { ...own, 'content-type': 'application/json', 'x-several': 'one, two' });
      const told = JSON.stringify({ method, url, headers, body });
      response.write(told.slice(0, 10));
      response.end(told.slice(10));
    }
  }
}

/** Whether there is room for more within a third of a second. */
function drains(response: ServerResponse): Promise<boolean> {
  const isDrained = once(response, 'drain', { signal: AbortSignal.timeout(300) });
  return isDrained.then(
    () => true,
    () => false,
  );
}

await listenForFront({
  frontSocket: process.env[frontSocketVariable] ?? '',
  answer: (request, response) => void answer(request, response).catch(() => response.destroy()),
  ready: Promise.resolve(['Model: none']),
  settle: async () => {},
});
