// Holders in other processes and containers are records written by the test. The look-up of a process is /proc/PID/stat.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { takeLock } from '../../../../tools/lock/file-lock.mjs';

const deadPid = 4_000_001;
const onLookUp = vi.hoisted(() => vi.fn<(path: unknown) => void>());
vi.mock('node:fs', async (load) => {
  const fs = await load<typeof import('node:fs')>();
  const readFile = (...args: Parameters<typeof fs.readFileSync>) => {
    onLookUp(args[0]);
    return fs.readFileSync(...args);
  };
  return { ...fs, readFileSync: readFile, linkSync: vi.fn(fs.linkSync) };
});

let path: string;

beforeEach(() => {
  onLookUp.mockReset();
  const folder = mkdtempSync(join(tmpdir(), 'locks-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  path = join(folder, 'lock');
});

/** Returns this process's record with these fields in the place of its own. */
async function recordOf(fields: object): Promise<string> {
  const release = await takeLock(path);
  const own = JSON.parse(readFileSync(path, 'utf8')) as object;
  release();
  return JSON.stringify({ ...own, id: 'another', ...fields });
}

/** Resolves with the holder that refuses the lock, or undefined when it was free; it is released then. */
async function findHolder(): Promise<string | undefined> {
  let found: string | undefined;
  const onWait = (holder: string) => {
    found = holder;
    throw new Error('refused');
  };
  const release = await takeLock(path, { onWait }).catch(() => undefined);
  release?.();
  return found;
}

/** Starts a process that takes the lock and keeps it. Its name, read as if without brackets, says that it has ended. */
async function startHolder() {
  const module = join(import.meta.dirname, '../../../../tools/lock/file-lock.mjs');
  const script = `import { takeLock } from ${JSON.stringify(module)};
    process.title = 'lock) Z (1';
    await takeLock(${JSON.stringify(path)}); console.log('taken'); process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

const isLinux = process.platform === 'linux';

it('is held until it is released, by this process too, and leaves no file', async () => {
  const release = await takeLock(path);
  expect(await findHolder()).toBe(`process ${process.pid}`);
  const second = takeLock(path);
  release();
  (await second)();
  release();

  expect(readdirSync(join(path, '..'))).toEqual([]);
});

it('stops waiting with the reason of its signal', async () => {
  const release = await takeLock(path);
  onTestFinished(release);
  const interruption = new AbortController();
  const onWait = () => interruption.abort(new Error('Enough.'));

  await expect(takeLock(path, { onWait, signal: interruption.signal })).rejects.toThrow('Enough.');
});

it('is held by another process until that ends, and is then removed', async () => {
  const holder = await startHolder();
  expect(await findHolder()).toBe(`process ${holder.pid}`);
  holder.stdin.end();
  await once(holder, 'exit');

  expect(readdirSync(join(path, '..'))).toEqual([]);
});

it('is taken over from a process that was killed', async () => {
  const holder = await startHolder();
  holder.kill('SIGKILL');
  await once(holder, 'exit');

  expect(await findHolder()).toBeUndefined();
});

it.runIf(isLinux)('is taken over from a dead process whose number a living one has', async () => {
  writeFileSync(path, await recordOf({ startTime: '1' }));

  expect(await findHolder()).toBeUndefined();
});

it.each([
  ['another boot', { boot: 'another' }],
  ['another container', { pidNamespace: 'another' }],
  ['a machine without /proc', { boot: undefined }],
])('is held by a process of %s while that touches it', async (_, origin) => {
  writeFileSync(path, await recordOf({ ...origin, pid: process.pid, host: 'elsewhere' }));
  expect(await findHolder()).toBe(`process ${process.pid} on elsewhere`);

  utimesSync(path, new Date(), new Date(Date.now() - 60_000));
  expect(await findHolder()).toBeUndefined();
});

it('is touched by its holder', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  onTestFinished(await takeLock(path));
  utimesSync(path, 1, 1);
  vi.advanceTimersByTime(10_000);

  expect(statSync(path).mtimeMs).toBeGreaterThan(Date.now() - 10_000);
});

it('works on a disk without hard links', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  vi.mocked(linkSync).mockImplementation(() => {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
  });
  onTestFinished(() => void vi.mocked(linkSync).mockReset());
  writeFileSync(path, await recordOf({ pid: deadPid }));
  const release = await takeLock(path);
  expect(await findHolder()).toBe(`process ${process.pid}`);
  utimesSync(path, 1, 1);
  vi.advanceTimersByTime(10_000);
  expect(statSync(path).mtimeMs).toBeGreaterThan(Date.now() - 10_000);
  release();

  expect(readdirSync(join(path, '..'))).toEqual([]);
});

it.each([['links'], ['no links']])(
  'is held when a disk with %s repeats a request that was carried out',
  async (disk) => {
    const fail = (code: string) => {
      throw Object.assign(new Error(code), { code });
    };
    const { linkSync: link } = await vi.importActual<typeof import('node:fs')>('node:fs');
    vi.mocked(linkSync).mockImplementation((from, to) => {
      if (disk === 'links') link(from, to);
      else writeFileSync(to, readFileSync(from));
      return fail('EEXIST');
    });
    onTestFinished(() => void vi.mocked(linkSync).mockReset());

    const release = await takeLock(path);
    expect(await findHolder()).toBe(`process ${process.pid}`);
    release();

    expect(readdirSync(join(path, '..'))).toEqual([]);
  },
);

it('is free when another machine removes it while it is read', async () => {
  writeFileSync(path, await recordOf({ pidNamespace: 'another' }));
  onLookUp.mockImplementationOnce(() => {
    rmSync(path);
    throw Object.assign(new Error('ESTALE: stale file handle, read'), { code: 'ESTALE' });
  });

  const release = await takeLock(path);
  release();

  expect(readdirSync(join(path, '..'))).toEqual([]);
});

it('is taken over when its file is no record and nobody touches it', async () => {
  writeFileSync(path, '');
  expect(await findHolder()).toBe('an unknown process');

  utimesSync(path, 1, 1);
  expect(await findHolder()).toBeUndefined();
});

it.runIf(isLinux).each([1, 2])(
  'is left to the process that was faster to replace a dead one, after look-up %i',
  async (last) => {
    const dead = await recordOf({ pid: deadPid });
    const faster = await recordOf({ id: 'faster' });
    writeFileSync(path, dead);
    let lookUps = 0;
    onLookUp.mockImplementation((file) => {
      if (file === `/proc/${deadPid}/stat` && ++lookUps === last) writeFileSync(path, faster);
    });

    expect(await findHolder()).toBe(`process ${process.pid}`);
    expect(readFileSync(path, 'utf8')).toBe(faster);
    expect(readdirSync(join(path, '..'))).toEqual(['lock']);
  },
);

it('is not released by a holder from which it was taken over', async () => {
  const another = await recordOf({ startTime: 'another' });
  const release = await takeLock(path);
  writeFileSync(path, another);
  release();

  expect(readFileSync(path, 'utf8')).toBe(another);
});
