// A file that other processes read and replace changes by one rename.
import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';

/**
 * Replaces a file by one that `make` puts at a temporary path beside it. No other process has that name: numbers of processes
 * repeat in containers that share a folder.
 */
export async function replaceFile(
  path: string,
  make: (temporary: string) => Promise<unknown>,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await make(temporary);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}
