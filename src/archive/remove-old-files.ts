// Removes files from the folder of an archive: expired ones, those that were never completed, and the oldest ones while there are too many.
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileNaming, isGone, isKeptFile, unfinished } from './kept-file.ts';

export interface Limits {
  /** When this many bytes are exceeded, the oldest files go until nine tenths of them are left. */
  readonly bytes: number;
  /** Milliseconds since 1970: files that were written before this go. */
  readonly notBefore: number;
  /** The same for files that were never completed. */
  readonly unfinishedNotBefore: number;
}

interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  readonly writtenAt: number;
}

/** Returns the bytes that are left. Several processes may do this at once. */
export async function removeOldFiles(naming: FileNaming, limits: Limits): Promise<number> {
  const files = await listFiles(naming);
  const isOld = ({ path, writtenAt }: StoredFile) =>
    writtenAt < (path.endsWith(unfinished) ? limits.unfinishedNotBefore : limits.notBefore);
  const removed = new Set(files.filter(isOld));
  const kept = files.filter((file) => !removed.has(file)).toSorted((a, b) => a.writtenAt - b.writtenAt);
  const sum = kept.reduce((bytes, file) => bytes + file.bytes, 0);
  let left = sum;
  for (const file of sum > limits.bytes ? kept : []) {
    if (left <= 0.9 * limits.bytes) break;
    removed.add(file);
    left -= file.bytes;
  }
  for (const { path } of removed) await rm(path, { force: true });
  return left;
}

/** Lists the files of the archive, and no others that lie in the folder. */
async function listFiles({ directory, extension }: FileNaming): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for (const folder of await readdir(directory)) {
    if (!/^[0-9a-f]{2}$/.test(folder)) continue;
    for (const name of await readdir(join(directory, folder))) {
      if (!isKeptFile({ extension }, name)) continue;
      const path = join(directory, folder, name);
      try {
        const { size, mtimeMs } = await stat(path);
        files.push({ path, bytes: size, writtenAt: mtimeMs });
      } catch (error) {
        // Another process has removed or renamed it.
        if (!isGone(error)) throw error;
      }
    }
  }
  return files;
}
