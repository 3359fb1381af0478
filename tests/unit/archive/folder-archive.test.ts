import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FolderArchive } from '../../../src/archive/folder-archive.ts';
import { keptFileOf } from '../../../src/archive/kept-file.ts';
import type { ArchiveName } from '../../../src/config/archive.ts';
import { keyOf, recordWarnings, stateOf } from './states.ts';

const day = 86_400_000;

interface Options {
  readonly name?: ArchiveName;
  readonly megabytes?: number;
  readonly days?: number;
  readonly directory?: string;
}

function openArchive({ name = 'CACHE', megabytes = 10, days = 7, directory = makeFolder() }: Options = {}) {
  const recorded = recordWarnings();
  const archive = new FolderArchive({ name, kind: 'folder', directory, megabytes, days }, recorded.options);
  const extension = name === 'CACHE' ? 'state' : 'response';
  const pathOf = (key: string) => keptFileOf({ directory, extension }, keyOf(key));
  return { ...recorded, archive, directory, pathOf };
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'archive-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Sets the time at which a state was written. */
function age(path: string, ms: number): void {
  const seconds = (Date.now() - ms) / 1000;
  utimesSync(path, seconds, seconds);
}

function listStates(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('/'));
}

it.each([0, 1, 5_000_000, 4 << 20])('reads a state of %d bytes in another process', async (bytes) => {
  const { archive, directory } = openArchive();
  const state = stateOf(bytes);
  await archive.write(keyOf('a'), state);

  const other = openArchive({ directory });

  expect(Buffer.compare(state, (await other.archive.read(keyOf('a'))) ?? Buffer.from('none'))).toBe(0);
  expect(await other.archive.read(keyOf('b'))).toBeUndefined();
  expect(other.warnings).toEqual([]);
});

it('replaces a state', async () => {
  const { archive } = openArchive();
  await archive.write(keyOf('a'), stateOf(100));
  await archive.write(keyOf('a'), stateOf(50, 1));

  expect(await archive.read(keyOf('a'))).toEqual(stateOf(50, 1));
});

it('keeps states for its own user only', async () => {
  const { archive, pathOf } = openArchive();
  await archive.write(keyOf('a'), stateOf(10));

  expect(statSync(pathOf('a')).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(pathOf('a'))).mode & 0o777).toBe(0o700);
});

it.each([
  ['changed byte', (path: string) => writeFileSync(path, flip(readFileSync(path), 70))],
  ['changed key', (path: string) => writeFileSync(path, flip(readFileSync(path), 1_010))],
  ['missing end', (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 500))],
  ['missing byte', (path: string) => writeFileSync(path, readFileSync(path).subarray(1))],
  ['missing content', (path: string) => writeFileSync(path, '')],
])('warns once of a state with a %s, and removes it', async (_, damage) => {
  const { archive, pathOf, warnings } = openArchive();
  await archive.write(keyOf('a'), stateOf(1_000));
  damage(pathOf('a'));

  expect(await archive.read(keyOf('a'))).toBeUndefined();
  expect(await archive.read(keyOf('a'))).toBeUndefined();

  expect(warnings).toEqual([expect.stringMatching(/^A state of a conversation is not used: .* is damaged/)]);
  expect(existsSync(pathOf('a'))).toBe(false);
});

function flip(bytes: Buffer, index: number): Buffer {
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return bytes;
}

it('never returns the state of another key', async () => {
  const { archive, pathOf, warnings } = openArchive();
  await archive.write(keyOf('a'), stateOf(1_000));
  await archive.write(keyOf('b'), stateOf(1_000, 1));
  renameSync(pathOf('a'), pathOf('b'));

  expect(await archive.read(keyOf('b'))).toBeUndefined();
  expect(warnings).toHaveLength(1);
});

it('leaves no unfinished file when it cannot finish', async () => {
  const { archive, directory, pathOf, warnings } = openArchive();
  // The state cannot take the name of a folder that is not empty.
  mkdirSync(join(pathOf('a'), 'folder'), { recursive: true });

  await archive.write(keyOf('a'), stateOf(1_000));

  expect(listStates(directory).filter((name) => name.endsWith('.part'))).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining('CACHE_DIR cannot be written')]);
});

it('does not read a state that has expired, and removes it', async () => {
  const { archive, directory, pathOf } = openArchive({ days: 2 });
  await archive.write(keyOf('old'), stateOf(10));
  await archive.write(keyOf('new'), stateOf(10));
  age(pathOf('old'), 2.1 * day);
  age(pathOf('new'), 1.9 * day);

  expect(await archive.read(keyOf('old'))).toBeUndefined();
  expect(await archive.read(keyOf('new'))).toBeDefined();
  openArchive({ directory, days: 2 });

  await expect.poll(() => existsSync(pathOf('old'))).toBe(false);
  expect(existsSync(pathOf('new'))).toBe(true);
});

it('removes expired states every hour without a request', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { archive, pathOf, clock } = openArchive({ days: 1 });
  await archive.write(keyOf('a'), stateOf(10));

  vi.advanceTimersByTime(3_600_000);
  clock.now += 1.1 * day;
  vi.advanceTimersByTime(3_600_000);

  await expect.poll(() => existsSync(pathOf('a'))).toBe(false);
});

it('of responses may share a folder with states, and removes only its own files', async () => {
  const states = openArchive({ days: 1 });
  const { directory } = states;
  const responses = openArchive({ name: 'RESPONSES', directory });
  await states.archive.write(keyOf('a'), stateOf(10));
  expect(await responses.archive.write(keyOf('a'), stateOf(20))).toBe(true);
  for (const { pathOf } of [states, responses]) age(pathOf('a'), 2 * day);
  openArchive({ directory, days: 1 });

  await expect.poll(() => existsSync(states.pathOf('a'))).toBe(false);
  expect(await responses.archive.read(keyOf('a'))).toEqual(stateOf(20));
  expect(await responses.archive.remove(keyOf('a'))).toBe(true);
  expect(await responses.archive.remove(keyOf('a'))).toBe(true);
  expect(existsSync(responses.pathOf('a'))).toBe(false);
  expect(responses.archive.isReadable).toBe(true);
});

it('tells that it failed', async () => {
  const folder = makeFolder();
  writeFileSync(join(folder, 'file'), '');
  const { archive, warnings } = openArchive({ name: 'RESPONSES', directory: join(folder, 'file') });

  expect(await archive.write(keyOf('a'), stateOf(10))).toBe(false);
  expect(await archive.read(keyOf('a'))).toBeUndefined();
  expect(archive.isReadable).toBe(false);
  expect(await archive.remove(keyOf('a'))).toBe(false);
  expect(warnings[0]).toMatch(/^RESPONSES_DIR cannot be .* every 5 seconds, and responses are not stored/);
});

it('removes the oldest states when the folder is too big', async () => {
  const { archive, pathOf } = openArchive({ megabytes: 1 });
  for (const [index, name] of ['c', 'a', 'b'].entries()) {
    await archive.write(keyOf(name), stateOf(300_000));
    age(pathOf(name), (10 - index) * 60_000);
  }
  await archive.write(keyOf('d'), stateOf(300_000));

  expect(['a', 'b', 'c', 'd'].filter((name) => existsSync(pathOf(name)))).toEqual(['b', 'd']);
});

it('removes unfinished files of ended processes, and no file of others', async () => {
  const { directory, archive, pathOf } = openArchive();
  await archive.write(keyOf('a'), stateOf(10));
  const abandoned = `${pathOf('a')}.1f-2.part`;
  const running = `${pathOf('a')}.1f-3.part`;
  const others = [join(directory, 'photo.jpg'), join(dirname(pathOf('a')), 'notes.txt')];
  for (const path of [abandoned, running, ...others]) writeFileSync(path, '');
  for (const path of [abandoned, ...others]) age(path, 100 * day);

  openArchive({ directory });

  await expect.poll(() => existsSync(abandoned)).toBe(false);
  expect([running, ...others].filter((path) => !existsSync(path))).toEqual([]);
});

it('warns once while its folder cannot be used, and tries again after a minute', async () => {
  const folder = makeFolder();
  writeFileSync(join(folder, 'file'), '');
  const { archive, warnings, clock } = openArchive({ directory: join(folder, 'file') });

  for (let minute = 0; minute < 3; minute += 1) {
    await archive.write(keyOf('a'), stateOf(10));
    expect(await archive.read(keyOf('a'))).toBeUndefined();
    clock.now += 60_000;
  }
  expect(warnings).toEqual([
    expect.stringContaining('CACHE_DIR cannot be written'),
    expect.stringContaining('CACHE_DIR cannot be read'),
  ]);
  rmSync(join(folder, 'file'));
  await archive.write(keyOf('a'), stateOf(10));

  expect(await archive.read(keyOf('a'))).toEqual(stateOf(10));
});

it('writes the same state from several processes at once', async () => {
  const directory = makeFolder();
  const archives = Array.from({ length: 4 }, () => openArchive({ directory }));

  await Promise.all(archives.map(({ archive }) => archive.write(keyOf('a'), stateOf(1_000_000))));

  expect(await archives[0]?.archive.read(keyOf('a'))).toEqual(stateOf(1_000_000));
  expect(listStates(directory)).toHaveLength(1);
});

it('throws the reason of an aborted signal, and only then', async () => {
  const { archive, warnings } = openArchive();
  await archive.write(keyOf('a'), stateOf(9_000_000));
  const reason = new Error('The client has left.');

  await expect(archive.read(keyOf('a'), AbortSignal.abort(reason))).rejects.toBe(reason);
  const controller = new AbortController();
  const reading = archive.read(keyOf('a'), controller.signal);
  controller.abort(reason);
  await expect(reading).rejects.toBe(reason);

  expect(warnings).toEqual([]);
  expect(await archive.read(keyOf('a'))).toBeDefined();
});

it('expects what earlier states took', async () => {
  const { archive } = openArchive({ megabytes: 1_000 });
  const bytes = 20_000_000;
  const guessed = archive.expected.readMs(bytes);
  expect(guessed).toBeGreaterThan(10);
  await archive.write(keyOf('a'), stateOf(bytes));
  expect(archive.expected.writeMs(bytes)).not.toBe(guessed);

  await archive.read(keyOf('a'));

  expect(archive.expected.readMs(bytes)).not.toBe(guessed);
});

it('reads no state from a file that cannot be opened', async () => {
  const { archive, pathOf, warnings } = openArchive();
  await archive.write(keyOf('a'), stateOf(10));
  rmSync(pathOf('a'));
  symlinkSync(pathOf('a'), pathOf('a'));

  expect(await archive.read(keyOf('a'))).toBeUndefined();
  expect(warnings).toEqual([expect.stringContaining('CACHE_DIR cannot be read')]);
});
