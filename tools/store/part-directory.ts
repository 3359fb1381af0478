// Where a download grows. Each process works in a directory of its own, taken over by rename, so that two
// fetches of one thing never write into one file; what an interrupted one left is found by the next. The folder `.parts`
// itself stays: another fetch may be about to use it.
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isOtherProcessRunning } from './other-process.ts';

/** A directory that no other fetch writes to. */
export interface PartDirectory {
  readonly path: string;
  /** Leaves what is resumable to the next fetch; an empty directory goes. */
  release(): Promise<void>;
}

const inUse = new Set<string>();
let claims = 0;

/** Takes over what an interrupted fetch of `name` left in the store, or begins anew. */
export async function claimPartDirectory(root: string, name: string): Promise<PartDirectory> {
  const parts = join(root, '.parts');
  await mkdir(parts, { recursive: true });
  const path = join(parts, `${name}@${process.pid}.${++claims}`);
  inUse.add(path);
  if (!(await takeOver(parts, name, path))) await mkdir(path, { recursive: true });
  return {
    path,
    release: async () => {
      inUse.delete(path);
      await rmdir(path).catch(() => leave(path, join(parts, name)));
    },
  };
}

async function takeOver(parts: string, name: string, path: string): Promise<boolean> {
  for (const entry of await readdir(parts)) {
    const [owned, owner] = entry.split('@');
    if (owned !== name || (owner !== undefined && isAlive(Number.parseInt(owner, 10), join(parts, entry))))
      continue;
    try {
      await rename(join(parts, entry), path);
      return true;
    } catch {
      // Another process took it first.
    }
  }
  return false;
}

async function leave(path: string, unclaimed: string): Promise<void> {
  // An unclaimed one from another process is as good: then this one is not needed.
  await rename(path, unclaimed).catch(() => rm(path, { recursive: true, force: true }));
}

function isAlive(pid: number, path: string): boolean {
  return pid === process.pid ? inUse.has(path) : isOtherProcessRunning(pid);
}
