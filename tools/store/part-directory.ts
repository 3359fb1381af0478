// Where a download grows: a directory that one process at a time works in. It stays after an interruption, and the next fetch
// continues there.
import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { takeLock } from '../lock/file-lock.mjs';
import { StoreError } from './errors.ts';
import type { TransferContext } from './transfer.ts';

/** A directory that no other process writes to. */
export interface PartDirectory {
  /** It may not be there yet. */
  readonly path: string;
  /** Leaves what is resumable to the next process; an empty directory goes. */
  release(): Promise<void>;
}

/**
 * Takes over the directory of a name in the store, with what an interrupted fetch left there. Waits for a process that has it,
 * and reports that in one line.
 *
 * @throws {StoreError} `interrupted` on `signal`
 */
export async function claimPartDirectory(
  root: string,
  name: string,
  { report, signal }: Pick<TransferContext, 'report' | 'signal'>,
): Promise<PartDirectory> {
  const parts = join(root, '.parts');
  const path = join(parts, name);
  let waitsFor: string | undefined;
  const onWait = (holder: string) => {
    if (waitsFor === undefined)
      report(`${name} is being fetched or removed by ${holder}: waiting until it ends.`);
    waitsFor = holder;
  };
  // No name begins with a dot.
  const unlock = await takeLock(join(parts, `.${name}.lock`), { onWait, ...(signal && { signal }) }).catch(
    (error: unknown) => {
      if (!signal?.aborted) throw error;
      const cause = waitsFor === undefined ? '' : ` while it waited for ${waitsFor}`;
      throw new StoreError('interrupted', `${name}: interrupted${cause}.`, { cause: error });
    },
  );
  // The first version had one for each process.
  for (const entry of await readdir(parts))
    if (entry.startsWith(`${name}@`)) await rm(join(parts, entry), { recursive: true });
  return {
    path,
    release: async () => {
      await rmdir(path).catch(() => {}); // It is not empty, or not there.
      unlock();
    },
  };
}
