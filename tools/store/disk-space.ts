// A download that cannot fit is refused before it begins.
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes } from '../terminal/format.ts';
import { StoreError } from './errors.ts';

/**
 * Makes sure that `bytes` more fit on a directory's disk.
 *
 * @throws {StoreError} `disk-full`, with both figures
 */
export async function ensureFreeSpace(directory: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const figures = `it needs ${formatBytes(bytes)}, and the disk has ${formatBytes(free)} left`;
  throw new StoreError(
    'disk-full',
    `${what} does not fit: ${figures}. Free some space, or set MODEL_STORE to a larger disk.`,
  );
}

/**
 * Bytes of the disk that a directory's files take up. Not their lengths: an unfinished download may be a sparse
 * file, which is as long as the whole and takes up only what arrived.
 */
export async function allocatedBytes(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).blocks * 512);
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}
