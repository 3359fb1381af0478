// The store's folder `.default` links to the files of the catalog's default model, because a Dockerfile can name a folder
// but cannot read the catalog. It takes no space of its own.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_FILE } from '../../src/model/manifest.ts';
import { readCatalog } from './catalog.ts';
import { movedInto, setAside } from './directory-moves.ts';
import { toStoreError } from './errors.ts';
import { installFiles } from './install.ts';
import type { StoreLocation } from './location.ts';
import { RECORD_FILE, readRecord } from './stored.ts';

/** The folder's name in the store. No model has a name with a dot in front. */
const DEFAULT_LINKS = '.default';

/**
 * Makes the links anew, or removes them where the store does not hold the default model.
 *
 * @throws {StoreError} `malformed-catalog`, `disk-full`, or `source-failed` when the store cannot be written
 */
export async function linkDefaultModel({ root, catalog }: StoreLocation): Promise<void> {
  const directory = join(root, readCatalog(catalog).default);
  const links = join(root, DEFAULT_LINKS);
  const record = readRecord(directory);
  try {
    if (record === undefined) {
      await removeLinks(links);
      return;
    }
    const made = await mkdtemp(`${links}.`);
    try {
      // As the image will have it: its user is another one.
      await chmod(made, 0o755);
      const files = record.files.map(({ name }) => name);
      await installFiles([...files, MANIFEST_FILE, RECORD_FILE], directory, made);
      while (!(await movedInto(made, links))) await removeLinks(links);
    } finally {
      await rm(made, { recursive: true, force: true });
    }
  } catch (error) {
    throw toStoreError(error, 'source-failed', `${directory} cannot be linked to ${links}`);
  }
}

async function removeLinks(links: string): Promise<void> {
  const removed = await setAside(links);
  if (removed !== undefined) await rm(removed, { recursive: true });
}
