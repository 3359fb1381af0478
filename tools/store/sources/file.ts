// file:path - a file already on this machine, copied (as a copy-on-write clone where the disk can) or linked to.
import { access, constants, copyFile, link, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { splitFileNames } from '../../../src/model/split-files.ts';
import { StoreError, toStoreError } from '../errors.ts';
import type { Source } from '../transfer.ts';

/** Copies a file, or links to it. A relative path counts from the working directory. */
export const fetchFromFile: Source = async (uri, directory, { link: isLink = false }) => {
  const source = pathOf(uri);
  try {
    const names = splitFileNames(basename(source));
    const files = names.map((name) => ({ path: join(directory, name), publishedSha256: null, isLink }));
    for (const [index, file] of files.entries()) {
      const from = join(dirname(source), names[index] ?? '');
      if (isLink) await linkTo(from, file.path);
      else await copyFile(from, file.path, constants.COPYFILE_FICLONE);
    }
    return files;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'EISDIR') {
      throw new StoreError('source-gone', `${uri}: there is no file ${source}.`, { cause: error });
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new StoreError('source-refused', `${uri}: ${source} may not be read.`, { cause: error });
    }
    throw toStoreError(error, 'source-failed', uri);
  }
};

/** A hard link, which an image's build can take, or a symbolic one to another disk. */
async function linkTo(from: string, to: string): Promise<void> {
  await access(from, constants.R_OK);
  await rm(to, { force: true });
  await link(from, to).catch(() => symlink(from, to));
}

function pathOf(uri: string): string {
  if (uri.startsWith('file://')) {
    try {
      return fileURLToPath(uri);
    } catch (error) {
      throw new StoreError('unusable-source', `${uri} is not a file URL of this machine.`, { cause: error });
    }
  }
  return resolve(uri.slice('file:'.length));
}
