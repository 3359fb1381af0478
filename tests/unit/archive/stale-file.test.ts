// Files on NFS and EFS that another machine removed or replaced meanwhile.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FolderArchive } from '../../../src/archive/folder-archive.ts';
import { removeOldFiles } from '../../../src/archive/remove-old-files.ts';
import { keyOf, recordWarnings, stateOf } from './states.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, open: vi.fn(real.open), stat: vi.fn(real.stat) };
});

const stale = () => Promise.reject(Object.assign(new Error('ESTALE: stale file handle'), { code: 'ESTALE' }));

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'archive-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function anyFile(): Promise<fs.FileHandle> {
  const path = join(makeFolder(), 'file');
  writeFileSync(path, stateOf(100));
  return fs.open(path, 'r');
}

it.each([
  ['opened', async () => vi.mocked(fs.open).mockImplementationOnce(stale)],
  [
    'measured',
    async () => {
      const file = Object.assign(await anyFile(), { stat: stale });
      vi.mocked(fs.open).mockResolvedValueOnce(file);
    },
  ],
  [
    'read',
    async () => {
      const file = Object.assign(await anyFile(), { read: stale });
      vi.mocked(fs.open).mockResolvedValueOnce(file);
    },
  ],
])('a stale file that is %s is a missing one', async (_, makeStale) => {
  const { options, warnings } = recordWarnings();
  const config = { kind: 'folder', directory: makeFolder(), megabytes: 10, days: 7 } as const;
  const archive = new FolderArchive({ name: 'RESPONSES', ...config }, options);
  await archive.write(keyOf('a'), stateOf(10));
  await makeStale();

  expect(await archive.read(keyOf('a'))).toBeUndefined();

  expect({ isReadable: archive.isReadable, warnings }).toEqual({ isReadable: true, warnings: [] });
  expect(await archive.read(keyOf('a'))).toEqual(stateOf(10));
});

it('a stale file in the folder does not keep others from being removed', async () => {
  const directory = makeFolder();
  const folder = join(directory, 'aa');
  await fs.mkdir(folder);
  for (const name of ['a', 'b']) writeFileSync(join(folder, `${keyOf(name)}.state`), '');
  vi.mocked(fs.stat).mockImplementationOnce(stale);

  const limits = { bytes: 1, notBefore: Number.POSITIVE_INFINITY, unfinishedNotBefore: 0 };
  await removeOldFiles({ directory, extension: 'state' }, limits);

  expect(await fs.readdir(folder)).toHaveLength(1);
});
