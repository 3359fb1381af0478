// How the set-up installs packages: with a stand-in for npm, because the real one takes minutes.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { isLiving } from '../../../src/server/process-session.ts';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const platform = `${process.platform}-${process.arch}`;
const headers = `node_modules/node/node_modules/node-${platform}`;
const lockFile = {
  packages: { '': {}, 'node_modules/tiny': { version: '1.0.0', integrity: 'sha512-tiny' } },
};

/** What npm leaves: the packages, its record, and what their install scripts make. */
const complete = `
mkdir -p node_modules/tiny node_modules/.bin node_modules/aws-lambda-ric \\
  node_modules/@node-llama-cpp/${platform}/bins/${platform} ${headers}/include
touch node_modules/tiny/package.json node_modules/.bin/node node_modules/aws-lambda-ric/rapid-client.node \\
  node_modules/@node-llama-cpp/${platform}/bins/${platform}/llama-addon.node
cp package-lock.json node_modules/.package-lock.json
`;

vi.setConfig({ testTimeout: 60_000 });

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'setup-'));
  createCheckout();
});

afterEach(() => rmSync(root, { recursive: true }));

function createCheckout(): void {
  for (const path of ['tools/setup.mjs', 'tools/setup', 'tools/lock']) {
    cpSync(join(project, path), join(root, path), { recursive: true });
  }
  put('package.json', '{"engines": {"node": ">=20"}}');
  put('package-lock.json', JSON.stringify(lockFile));
  npmDoes(complete);
}

function put(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content, { mode: 0o755 });
}

/** Replaces npm by a shell script. `$told` is a file outside of where it installs. */
function npmDoes(script: string): void {
  put('bin/npm', `#!/bin/sh\ntold='${root}/told'\necho "$PWD: $*" >>"$told"\n${script}`);
}

function spawnSetUp(): { process: ChildProcess; errors: Promise<string>; exited: Promise<unknown[]> } {
  const child = spawn(process.execPath, [join(root, 'tools/setup.mjs'), 'packages'], {
    env: { PATH: `${join(root, 'bin')}:${process.env.PATH}` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return { process: child, errors: text(child.stderr), exited: once(child, 'exit') };
}

async function setUp(): Promise<{ code: unknown; errors: string }> {
  const { exited, errors } = spawnSetUp();
  const [code] = await exited;
  return { code, errors: await errors };
}

/** How npm was called, a line for each time. */
function calls(): string[] {
  return existsSync(join(root, 'told')) ? readFileSync(join(root, 'told'), 'utf8').trim().split('\n') : [];
}

/** Resolves when a script has written to a pipe that it shares with this test. */
async function heard(pipe: string): Promise<string> {
  const reader = spawn('cat', [join(root, pipe)], { stdio: ['ignore', 'pipe', 'ignore'] });
  return text(reader.stdout);
}

function createPipe(name: string): void {
  expect(spawnSync('mkfifo', [join(root, name)]).status).toBe(0);
}

it('installs once, and again when the lock file changes', async () => {
  expect(await setUp()).toMatchObject({ code: 0 });
  expect(await setUp()).toEqual({ code: 0, errors: '' });
  expect(calls()).toHaveLength(1);

  put('package-lock.json', JSON.stringify({ packages: { 'node_modules/tiny': { version: '2.0.0' } } }));
  expect(await setUp()).toMatchObject({ code: 0 });
  expect(calls()).toHaveLength(2);
});

it("takes what 'npm ci' by hand has installed", async () => {
  expect(spawnSync('sh', ['-c', complete], { cwd: root }).status).toBe(0);

  expect(await setUp()).toEqual({ code: 0, errors: '' });
  expect(calls()).toEqual([]);
});

it('does not take an installation for complete whose install scripts did not run', async () => {
  expect(spawnSync('sh', ['-c', complete], { cwd: root }).status).toBe(0);
  rmSync(join(root, 'node_modules/aws-lambda-ric/rapid-client.node'));

  expect(await setUp()).toMatchObject({ code: 0 });
  expect(calls()).toHaveLength(1);
});

it('asks npm for what it installs to be whole, and for no warnings', async () => {
  await setUp();

  expect(calls()[0]).toMatch(/--include=dev.* --ignore-scripts=false.* --loglevel=error/);
});

it('refuses an older Node before anything else', async () => {
  put('package.json', '{"engines": {"node": ">=99"}}');

  const { code, errors } = await setUp();

  expect({ code, calls: calls() }).toEqual({ code: 1, calls: [] });
  expect(errors).toMatch(/^setup: this needs Node 99 or later, and this is Node [\d.]+\. [^\n]+\n$/);
});

it('ends all that npm has started on Ctrl-C, and leaves nothing half-made', async () => {
  createPipe('begun');
  // npm goes on for a while when it is to end.
  npmDoes(
    `mkdir -p node_modules/tiny\ntrap '' INT TERM\n(exec sleep 600) &\necho $! >>'${root}/child'\necho >'${root}/begun'\nwait`,
  );
  const running = spawnSetUp();
  await heard('begun');
  running.process.kill('SIGINT');

  expect(await running.exited).toEqual([130, null]);
  expect(await running.errors).toMatch(/setup: ending [^\n]+\nsetup: interrupted\. [^\n]+\n$/);
  expect(isLiving(Number(readFileSync(join(root, 'child'), 'utf8')))).toBe(false);
  expect(existsSync(join(root, 'node_modules'))).toBe(false);
  expect(readdirSync(join(root, '.cache'))).toEqual([]);

  npmDoes(complete);
  expect(await setUp()).toMatchObject({ code: 0 });
});

it('keeps the packages that are there until the new ones are complete', async () => {
  await setUp();
  put('package-lock.json', JSON.stringify({ packages: { 'node_modules/tiny': { version: '2.0.0' } } }));
  npmDoes('exit 1');

  expect(await setUp()).toMatchObject({ code: 1 });
  expect(existsSync(join(root, 'node_modules/tiny/package.json'))).toBe(true);
});

it('waits for another set-up of the same checkout, and then has nothing to do', async () => {
  createPipe('begun');
  createPipe('go');
  npmDoes(`echo >'${root}/begun'\nread line <'${root}/go'\n${complete}`);
  const first = spawnSetUp();
  await heard('begun');
  const second = spawnSetUp();
  const [line] = (await once(second.process.stderr ?? first.process, 'data')) as [Buffer];
  expect(String(line)).toMatch(/^setup: another set-up of this checkout runs \(process \d+\): waiting/);
  writeFileSync(join(root, 'go'), 'go\n');

  expect(await Promise.all([first.exited, second.exited])).toEqual([
    [0, null],
    [0, null],
  ]);
  expect(calls()).toHaveLength(1);
});

it('takes over the lock of a set-up that was killed', async () => {
  npmDoes('kill -9 $PPID');
  expect(await setUp()).toMatchObject({ code: null });
  npmDoes(complete);

  expect(await setUp()).toMatchObject({ code: 0 });
  expect(readdirSync(join(root, '.cache'))).toEqual([]);
});

it('installs in a path without a blank, and moves the packages into one that has it', async () => {
  rmSync(root, { recursive: true });
  root = mkdtempSync(join(tmpdir(), 'set up-'));
  createCheckout();

  expect(await setUp()).toMatchObject({ code: 0 });
  expect(calls()).toEqual([expect.stringMatching(/^[^\s:]+: ci /)]);
  expect(existsSync(join(root, 'node_modules/tiny/package.json'))).toBe(true);
});

it("installs Node's headers again, which 'npm install' by hand removes", async () => {
  await setUp();
  rmSync(join(root, headers), { recursive: true });
  npmDoes(`mkdir -p ${headers}`);
  const script = `import { findNodeHeaders } from ${JSON.stringify(join(root, 'tools/setup/packages.mjs'))};
    console.log(await findNodeHeaders());`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { PATH: `${join(root, 'bin')}:${process.env.PATH}` },
  });

  expect(stdout).toBe(`${join(root, headers)}\n`);
  expect(calls().at(-1)).toMatch(/: rebuild node$/);
});

it.each([
  [
    'npm error code ENOSPC\nnpm error nospc There appears to be insufficient space',
    /the disk is full: \d+ MB/,
  ],
  ['npm error code ENOTFOUND\nnpm error network', /npm cannot reach its registry \(ENOTFOUND\)/],
  ['warming up\nnpm error something broke', /could not be installed: something broke The whole output is in/],
])('says in one line why npm failed: %j', async (output, line) => {
  npmDoes(`printf '${output.replaceAll('\n', '\\n')}' >&2\nexit 1`);

  const { code, errors } = await setUp();

  expect(code).toBe(1);
  expect(errors.trim().split('\n').slice(1)).toEqual([expect.stringMatching(line)]);
});
