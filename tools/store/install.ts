// Puts verified files where an image is built from: hard links where the disk allows it, copies elsewhere.
import { copyFile, link, mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MANIFEST_FILE } from '../../src/model/manifest.ts';
import { toStoreError } from './errors.ts';
import type { Stored } from './stored.ts';

/**
 * Puts a stored artifact's files, and its manifest last, into a directory, which is made if need be. Files
 * of the same names are replaced; others stay.
 *
 * @throws {StoreError} `disk-full`, or `source-failed` when the directory cannot be written
 */
export async function install(
  { directory, files }: Stored,
  to: string,
  withManifest: boolean,
): Promise<void> {
  const names = withManifest ? [...files, MANIFEST_FILE] : files;
  try {
    await installFiles(names, directory, resolve(to));
  } catch (error) {
    throw toStoreError(error, 'source-failed', `${directory} cannot be put into ${resolve(to)}`);
  }
}

/** Puts files of one directory into another one, in this order. */
export async function installFiles(names: readonly string[], from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of names) await linkOrCopy(join(from, name), join(to, name));
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  const temporary = `${to}.${process.pid}.tmp`;
  try {
    await rm(temporary, { force: true });
    await link(from, temporary).catch(() => copyFile(from, temporary));
    await rename(temporary, to);
  } finally {
    await rm(temporary, { force: true });
  }
}
