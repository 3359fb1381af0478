// The front's process as it is shipped, bundled, with a fake emulator: what it prints and how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isLiving } from '../../../src/server/process-session.ts';
import { listMarked } from '../../marked-processes.ts';
import { type Gate, openGate } from './gate.ts';
import { until } from './until.ts';

let root: string;
/** Where the fronts make the directories for their sockets. */
let temporary: string;
let gate: Gate;

const fronts: { front: ChildProcess; exited: Promise<unknown> }[] = [];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'front-main-'));
  temporary = join(root, 'tmp');
  mkdirSync(temporary);
  for (const folder of ['infra', 'dist/functions']) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(join(import.meta.dirname, '../../../infra/entry.sh'), join(root, 'infra/entry.sh'));
  writeFileSync(join(root, 'dist/functions/echo.mjs'), '');
  await build({
    entryPoints: [join(import.meta.dirname, '../../../src/startup/front.ts')],
    outfile: join(root, 'dist/server/main.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
});

afterAll(() => rmSync(root, { recursive: true }));

beforeEach(async () => {
  gate = await openGate();
});

afterEach(async () => {
  await gate.close();
  for (const { front, exited } of fronts.splice(0)) {
    front.kill('SIGTERM');
    await exited;
  }
});

/** Runs the front's process. */
function run(args: string[], env: Record<string, string> = {}) {
  const front = spawn(process.execPath, [join(root, 'dist/server/main.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PORT: '0',
      TMPDIR: temporary,
      RIE_PATH: join(import.meta.dirname, 'fake-emulator.mjs'),
      ...env,
    },
  });
  const running = { front, exited: once(front, 'exit'), standardError: text(front.stderr) };
  fronts.push(running);
  return running;
}

/** Runs the front and waits until it says where it serves. */
async function serve(env: Record<string, string> = {}) {
  const running = run(['echo.handler'], env);
  const lines = createInterface({ input: running.front.stdout })[Symbol.asyncIterator]();
  const message: string[] = [];
  do {
    const { value, done } = await lines.next();
    if (done) throw new Error(await running.standardError);
    message.push(value);
  } while (message.length === 1 || !message.at(-1)?.startsWith('──'));
  const url = /answers at (\S+)$/m.exec(message.join('\n'))?.[1] ?? '';
  const answer = (await (await fetch(url, { method: 'POST', body: '{}' })).json()) as {
    emulator: number;
    runtime: number;
  };
  return { ...running, message, url, children: [answer.emulator, answer.runtime] };
}

describe('the front process', () => {
  it('says where it serves, and how to try it', async () => {
    const { message, url } = await serve();
    const { origin } = new URL(url);

    expect(message.slice(1, -1)).toEqual([
      `gguf-lambda: echo.handler answers at ${origin}/2015-03-31/functions/function/invocations`,
      `OpenAI base URL: ${origin}/v1`,
      `Playground: ${origin}/`,
      'Model: none',
      'Try it:',
      expect.stringMatching(
        /^ {2}curl -s http:\/\/127\.0\.0\.1:\d+\/v1\/chat\/completions -H 'content-type: application\/json' -d '\{"messages"/,
      ),
    ]);
  });

  it.each([
    ['warns on an address that others reach, without a key', { HOST: '0.0.0.0' }, true],
    ['does not warn with a key', { HOST: '0.0.0.0', API_KEY: 'right' }, false],
    ['does not warn on loopback', {}, false],
  ])('%s', async (_, env: Record<string, string>, warns) => {
    const { front, exited, standardError } = run(['echo.handler'], env);
    const lines = createInterface({ input: front.stdout })[Symbol.asyncIterator]();
    await lines.next();
    front.kill('SIGTERM');
    await exited;

    const warning = 'gguf-lambda: anyone who reaches 0.0.0.0 can call it: set API_KEY to ask for a key\n';
    expect(await standardError).toBe(warns ? warning : '');
  });

  it('says what a stop waits for', async () => {
    const { front, exited, url } = await serve();
    const answer = fetch(url, { method: 'POST', body: JSON.stringify({ waitFor: gate.url }) });
    const held = await gate.next();

    front.kill('SIGINT');
    // npm sends it once more.
    front.kill('SIGINT');
    expect(String((await once(front.stderr ?? front, 'data'))[0])).toBe(
      'gguf-lambda: stopping after one answer in progress, in 10 s at most. Press Ctrl-C again to stop now.\n',
    );
    held.letOn();

    expect((await answer).status).toBe(200);
    expect(await exited).toEqual([0, null]);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'ends well on %s, with all it started',
    async (signal) => {
      const { front, exited, children } = await serve();

      front.kill(signal);

      expect(await exited).toEqual([0, null]);
      expect(children.filter(isLiving)).toEqual([]);
      expect(readdirSync(temporary)).toEqual([]);
    },
  );

  it('ends at once on the second signal, with all it started', async () => {
    const { front, exited, url, children } = await serve();
    const lost = fetch(url, { method: 'POST', body: JSON.stringify({ waitFor: gate.url }) });
    const isLost = expect(lost).rejects.toThrow();
    await gate.next();

    front.kill('SIGINT');
    await once(front.stderr ?? front, 'data');
    front.kill('SIGINT');

    expect(await exited).toEqual([130, null]);
    await isLost;
    await until(() => !children.some(isLiving));
  });

  it('leaves no process and no socket when it is killed', async () => {
    const { front, exited, children } = await serve();
    const sockets = readdirSync(temporary);

    front.kill('SIGKILL');
    await exited;

    await until(() => !children.some(isLiving));
    expect(sockets).toHaveLength(1);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it.each([0, 10, 50, 100, 200])(
    'leaves no process when it is killed %i ms after the start of the emulator',
    async (milliseconds) => {
      const mark = randomUUID();
      const { front, exited } = run(['echo.handler'], { MARK: mark });
      const list = () => listMarked(`MARK=${mark}`);
      await until(() => list().some((process) => process.includes('fake-emulator')));
      await delay(milliseconds);
      front.kill('SIGKILL');
      await exited;

      await until(() => list().length === 0);
    },
  );

  it('leaves no process when it is killed beside a stopped one', async () => {
    const { front, exited, children } = await serve();
    for (const child of children) process.kill(child, 'SIGSTOP');

    front.kill('SIGKILL');
    await exited;

    await until(() => !children.some(isLiving));
  }, 60_000);

  it.each([
    {
      name: 'a handler that is not there',
      args: ['nope.handler'],
      env: {},
      line: /"nope\.handler".*echo\.handler/,
    },
    { name: 'a setting that cannot be used', args: ['echo.handler'], env: { PORT: 'x' }, line: /PORT="x"/ },
    {
      name: 'an unusable flag',
      args: ['echo.handler'],
      env: { LOG_PROMPTS: 'maybe' },
      line: /LOG_PROMPTS="maybe"/,
    },
    { name: 'no origin', args: ['echo.handler'], env: { CORS_ORIGINS: 'foo' }, line: /CORS_ORIGINS="foo"/ },
    { name: 'no bucket', args: ['echo.handler'], env: { CACHE_BUCKET: 'A' }, line: /CACHE_BUCKET="A"/ },
    {
      name: 'a folder without a model',
      args: ['echo.handler'],
      env: { MODEL_DIR: '/nope' },
      line: /No model in \/nope: /,
    },
    {
      name: 'a folder of prefixes that is not there',
      args: ['echo.handler'],
      env: { MODEL_DIR: '/nope', PREFIX_DIR: '/nowhere' },
      line: /PREFIX_DIR="\/nowhere" cannot be used: expected a folder that exists\./,
    },
    { name: 'no emulator', args: ['echo.handler'], env: { RIE_PATH: '/nowhere' }, line: /\/nowhere/ },
  ])('ends with one line on $name', async ({ args, env, line }) => {
    const { exited, standardError } = run(args, env);

    expect(await exited).toEqual([1, null]);
    expect((await standardError).trimEnd().split('\n')).toEqual([expect.stringMatching(line)]);
  });

  it('ends with one line on a port in use', async () => {
    const { port } = new URL(gate.url);
    const { exited, standardError } = run(['echo.handler'], { PORT: port });

    expect(await exited).toEqual([1, null]);
    expect(await standardError).toBe(
      `gguf-lambda: Cannot listen on 127.0.0.1 port ${port}: the port is in use. Set PORT to another one, such as PORT=${Number(port) + 1}.\n`,
    );
  });
});
