// `npm run doctor` in a checkout where nothing is installed: each finding is one line, with what mends it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const project = fileURLToPath(new URL('../../../', import.meta.url));

vi.setConfig({ testTimeout: 60_000 });

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'doctor-'));
  for (const folder of ['tools/lock', 'tools/setup', 'tools/doctor']) {
    cpSync(join(project, folder), join(root, folder), { recursive: true });
  }
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'package.json'), '{"engines": {"node": ">=20"}}');
  writeFileSync(join(root, 'package-lock.json'), '{"packages": {}}');
});

afterEach(() => rmSync(root, { recursive: true }));

async function diagnose(env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [join(root, 'tools/doctor/doctor.mjs')], {
    env: { PATH: process.env.PATH, HOME: root, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const lines = output.trimEnd().split('\n');
  const find = (subject: string) => lines.find((line) => line.slice(6).startsWith(subject));
  return { code, lines, find };
}

it('names what is missing and the command that brings it', async () => {
  const { code, lines, find } = await diagnose();

  expect(code).toBe(1);
  expect(find('packages')).toBe('fix   packages          not installed, or of another version: npm start');
  expect(find('AWS credentials')).toMatch(/^note .* 'aws configure' sets them/);
  expect(lines.filter((line) => !/^(?:ok|fix|note) +\S/.test(line))).toEqual([]);
});

it('finds a port in use, and the setting that names another one', async () => {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const { find } = await diagnose({ PORT: String(port) });
  server.close();

  expect(find('port')).toBe(
    `fix   port              ${port} of 127.0.0.1 is in use: stop its server, or PORT=${port + 1} npm start`,
  );
});

it('refuses an older Node, and names missing tools with their packages', async () => {
  writeFileSync(join(root, 'package.json'), '{"engines": {"node": ">=99"}}');
  const { find } = await diagnose({ PATH: join(root, 'bin') });

  expect(find('Node')).toMatch(/^fix .* this needs Node 99 or later, and this is Node/);
  expect(find('tools')).toMatch(/^fix .* missing: git, .*sudo apt-get install -y git build-essential/);
});
