// file:path - a file already on this machine, copied (as a copy-on-write clone where the disk can).
import { constants, copyFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StoreError, toStoreError } from '../errors.ts';
import { splitFileNames } from '../split-files.ts';
import type { Source } from '../transfer.ts';

/** Copies a file. A relative path counts from the working directory. */
export const fetchFromFile: Source = async (uri, directory) => {
  const source = pathOf(uri);
  try {
    const names = splitFileNames(basename(source));
    const files = names.map((name) => ({ path: join(directory, name), publishedSha256: null }));
    for (const [index, file] of files.entries()) {
      await copyFile(join(dirname(source), names[index] ?? ''), file.path, constants.COPYFILE_FICLONE);
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
