// The files of docs/self-host.md, used by the programs that they are for.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBlock } from '../documents.ts';
import { findDebianProgram } from './debian-program.ts';
import { reportSkip } from './report-skip.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = 'docs/self-host.md';
const execute = promisify(execFile);

let server: TestServer;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'self-hosting-'));
  server = await startTestServer();
});

afterAll(async () => {
  await server.end();
  rmSync(folder, { recursive: true });
});

async function findFreePort(): Promise<number> {
  const taken = createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  const { port } = taken.address() as AddressInfo;
  taken.close();
  await once(taken, 'close');
  return port;
}

interface Proxy {
  readonly name: string;
  readonly path: string;
  /** Writes the proxy's configuration for a port, and returns its arguments. */
  readonly configure: (port: number) => { readonly check: string[]; readonly run: string[] };
}

const atServer = (block: string) => block.replace('127.0.0.1:8000', new URL(server.origin).host);

const proxies: readonly Proxy[] = [
  {
    name: 'nginx',
    path: '/usr/sbin/nginx',
    configure: (port) => {
      const file = join(folder, 'nginx.conf');
      const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
      writeFileSync(
        file,
        `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
events {}
http {
  access_log off;
  ${folders.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    ${atServer(findBlock(page, 'nginx'))}
  }
}
`,
      );
      return { check: ['-t', '-c', file], run: ['-c', file] };
    },
  },
  {
    name: 'caddy',
    path: '/usr/bin/caddy',
    configure: (port) => {
      const file = join(folder, 'Caddyfile');
      const site = atServer(findBlock(page, 'caddy')).replace(/^\S+ \{/, `http://127.0.0.1:${port} {`);
      writeFileSync(file, `{\n  admin off\n}\n${site}`);
      const options = ['--config', file, '--adapter', 'caddyfile'];
      return { check: ['validate', ...options], run: ['run', ...options] };
    },
  },
];

/** Waits until something answers at the URL. */
async function untilAnswering(url: string, program: ChildProcess): Promise<void> {
  while (!(await fetch(url).catch(() => undefined))?.ok) {
    if (program.exitCode !== null) throw new Error(`The proxy ended with ${program.exitCode}.`);
    await wait(20);
  }
}

describe.each(proxies)('the configuration of $name', ({ name, path, configure }) => {
  const found = findDebianProgram(name, path);

  it.skipIf(found === undefined)(
    'passes streams on as they come, long bodies, and the playground',
    async () => {
      const program = found ?? '';
      const port = await findFreePort();
      const { check, run } = configure(port);
      const env = { ...process.env, HOME: folder };
      await execute(program, check, { env });
      const proxy = spawn(program, run, { stdio: ['ignore', 'ignore', 'pipe'], env });
      const log = text(proxy.stderr);
      const origin = `http://127.0.0.1:${port}`;
      try {
        await untilAnswering(`${origin}/health`, proxy);
        const chat = (body: object) =>
          fetch(`${origin}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) });

        const messages = [{ role: 'user', content: 'Count to ten.' }];
        const { body } = await chat({ messages, stream: true, max_tokens: 100, temperature: 0 });
        const [first = '', ...rest] = await Array.fromAsync(
          (body as ReadableStream).pipeThrough(new TextDecoderStream()),
        );
        expect(first).toMatch(/^data: /);
        expect(rest.at(-1)).toMatch(/data: \[DONE\]\n\n$/);
        // A proxy that buffers sends the events in a few large pieces.
        expect(rest.length).toBeGreaterThan(20);

        // The server refuses it, not the proxy.
        const long = await chat({ messages: [{ role: 'user', content: 'a'.repeat(5 * 1024 * 1024) }] });
        expect([long.status, await long.json()]).toMatchObject([
          413,
          { error: { code: 'request_too_large' } },
        ]);

        const playground = await fetch(`${origin}/`, { headers: { accept: 'text/html' } });
        expect(await playground.text()).toMatch(/^<!doctype html>/i);
        const fromPage = await fetch(`${origin}/v1/models`, {
          headers: { origin, 'sec-fetch-site': 'same-origin' },
        });
        expect(fromPage.status).toBe(200);
      } finally {
        proxy.kill();
        await once(proxy, 'exit');
        await log;
      }
    },
  );
});

describe("systemd's unit", () => {
  it('has no fault', async ({ skip }) => {
    const unit = join(folder, 'gguf-lambda.service');
    writeFileSync(unit, findBlock(page, 'ini').replaceAll('/opt/gguf-lambda', root.replace(/\/$/, '')));
    const checked = await execute('systemd-analyze', ['verify', unit]).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        reportSkip("Systemd's unit", 'There is no systemd-analyze.');
        return skip();
      },
    );

    // Warnings of unknown settings have no exit code.
    expect(checked).toEqual({ stdout: '', stderr: '' });
  });
});
