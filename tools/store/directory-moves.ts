// A directory that several processes replace at the same time changes by renames alone: to remove it file by file
// would empty what another process has put there since.
import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { rename } from 'node:fs/promises';

/** Moves a directory to where nothing is. Returns false, and moves nothing, where a directory with files is. */
export async function movedInto(from: string, directory: string): Promise<boolean> {
  try {
    await rename(from, directory);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a directory to a name of its own beside it, and returns that; undefined where no directory is. */
export async function setAside(directory: string): Promise<string | undefined> {
  const aside = `${directory}.${randomUUID()}.replaced`;
  try {
    await rename(directory, aside);
    return aside;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // Another process was faster.
    // A read-only disk fails before it looks.
    if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) return undefined;
    throw error;
  }
}
