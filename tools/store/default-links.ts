// The store's folder `.default` links to the files of the catalog's default model, because a Dockerfile can name a folder
// but cannot read the catalog. It takes no space of its own.
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
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
 * Makes the links, unless they are right already, or removes them where the store does not hold the default model.
 *
 * @throws {StoreError} `malformed-catalog`, `disk-full`, or `source-failed` when the store cannot be written
 */
export async function linkDefaultModel({ root, catalog }: StoreLocation): Promise<void> {
  const directory = join(root, readCatalog(catalog).default);
  const links = join(root, DEFAULT_LINKS);
  const record = readRecord(directory);
  try {
    if (record === undefined) {
      const removed = await setAside(links);
      if (removed !== undefined) await rm(removed, { recursive: true });
      return;
    }
    const names = [...record.files.map(({ name }) => name), MANIFEST_FILE, RECORD_FILE];
    if (await areLinks(links, directory, names)) return;
    const made = await mkdtemp(`${links}.`);
    const unused = [made];
    try {
      // As the image will have it: its user is another one.
      await chmod(made, 0o755);
      await installFiles(names, directory, made);
      while (!(await movedInto(made, links))) {
        const replaced = await setAside(links);
        if (replaced !== undefined) unused.push(replaced);
      }
    } finally {
      // Only now, so that the links are absent for a moment and not until these are removed.
      for (const path of unused) await rm(path, { recursive: true, force: true });
    }
  } catch (error) {
    // Another process removed the model meanwhile, or replaces it.
    if (record !== undefined && readRecord(directory) === undefined)
      return linkDefaultModel({ root, catalog });
    throw toStoreError(error, 'source-failed', `${directory} cannot be linked to ${links}`);
  }
}

/** Whether a directory has links to these files and no others. Copies, on a disk without links, are made anew. */
async function areLinks(links: string, directory: string, names: readonly string[]): Promise<boolean> {
  try {
    const present = await readdir(links);
    if (present.length !== names.length) return false;
    for (const name of names) {
      const [link, file] = await Promise.all([stat(join(links, name)), stat(join(directory, name))]);
      if (link.ino !== file.ino || link.dev !== file.dev) return false;
    }
    return true;
  } catch {
    return false; // There are none, or another process replaces them.
  }
}
