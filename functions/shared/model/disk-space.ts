// A download that cannot fit is refused before it begins.
import { statfs } from 'node:fs/promises';
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
  const figures = `it needs ${bytes} bytes and the disk of ${directory} has ${free} left`;
  throw new StoreError('disk-full', `${what} does not fit: ${figures}. Free some space, or set MODEL_STORE.`);
}
