import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { BucketArchive } from '../../../src/archive/bucket-archive.ts';
import { createArchive } from '../../../src/archive/create-archive.ts';
import { FolderArchive } from '../../../src/archive/folder-archive.ts';
import { readArchiveConfig } from '../../../src/config/archive.ts';
import { recordWarnings } from './states.ts';

const folder = mkdtempSync(join(tmpdir(), 'archive-'));

it.each([
  ['CACHE', { CACHE_DIR: folder }, FolderArchive],
  ['CACHE', { CACHE_BUCKET: 'states' }, BucketArchive],
  ['RESPONSES', { RESPONSES_DIR: folder }, FolderArchive],
  ['RESPONSES', { RESPONSES_BUCKET: 'responses' }, BucketArchive],
] as const)('makes what %s of %j names', async (name, env, kind) => {
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const config = readArchiveConfig(env, name);

  expect(config && (await createArchive(config, recordWarnings().options))).toBeInstanceOf(kind);
});
