#!/usr/bin/env node
// Imitates what the front needs of the Runtime Interface Emulator: takes its arguments, starts a runtime
// process, crashes on two invocations at once, and does what an event commands.
// usage: fake-emulator.mjs <emulator's options> <mode> [<the mode's argument>]
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'log-level': { type: 'string' },
    'runtime-api-address': { type: 'string' },
    'runtime-interface-emulator-address': { type: 'string', default: '' },
  },
});
const [mode = 'serve', argument = ''] = positionals;
if (mode === 'exit') {
  console.log('fake emulator: no reason');
  process.exit(3);
}
// Starts the first time only.
if (mode === 'start-once') {
  if (existsSync(argument)) process.exit(3);
  writeFileSync(argument, '');
}

// The project's own Node, which runs TypeScript; this file is run by any.
const node = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url));
const fakeRuntime = fileURLToPath(new URL('fake-runtime.ts', import.meta.url));

let runtime;
let invocations = 0;

/** An answer to an event, as status and body; never settles where the real one would not answer. */
async function invoke(event, request) {
  // Like the real one, it starts a runtime with the first invocation that finds none.
  runtime ??= spawn(node, [fakeRuntime], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (event.source === 'serverless-plugin-warmup') {
    if (mode === 'say') console.log(`fake emulator: ${argument}`);
    if (mode === 'wait-for') await fetch(argument).catch(() => {});
    if (mode === 'init-error') return [502, { errorType: 'ModelError', errorMessage: 'No model\nis there.' }];
    return mode === 'not-warm' ? [200, { hello: 'world' }] : [200, 'warmup'];
  }
  // Whoever answers this request holds the invocation and knows that it is in flight.
  if (event.waitFor) await fetch(event.waitFor).catch(() => {});
  if (event.crash) process.kill(process.pid, 'SIGKILL');
  if (event.exitRuntime) {
    await endRuntime();
    return [502, { errorType: 'Runtime.ExitError' }];
  }
  return [200, { event, emulator: process.pid, runtime: runtime.pid, headers: request.headers }];
}

async function endRuntime() {
  const ended = new Promise((resolve) => runtime.once('exit', resolve));
  runtime.kill('SIGKILL');
  await ended;
  runtime = undefined;
}

const server = createServer(async (request, response) => {
  invocations += 1;
  if (invocations > 1) process.exit(2);
  const [status, answer] = await invoke(JSON.parse(String(await buffer(request))), request);
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-from': 'emulator' });
  // In two writes and without a length, so that the body comes chunked.
  const body = JSON.stringify(answer);
  response.write(body.slice(0, 1));
  response.end(body.slice(1));
  invocations -= 1;
});

process.on('SIGTERM', async () => {
  if (runtime) await endRuntime();
  process.exit(0);
});

const [host, port] = values['runtime-interface-emulator-address'].split(':');
server.listen(Number(port), host);
