// Puts verified files where an image is built from: hard links where the disk allows it, copies elsewhere.
import { copyFile, link, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MANIFEST_FILE } from '../../src/model/manifest.ts';
import { toStoreError } from './errors.ts';
import { replaceFile } from './replace-file.ts';
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
  for (const name of names) {
    const source = join(from, name);
    await replaceFile(join(to, name), (path) => link(source, path).catch(() => copyFile(source, path)));
  }
}
