// The last step of a fetch: verified files take their place in the store by one rename. What stood there goes
// only then, and only if the store itself recorded it: a folder of the user's own is never touched.
import { lstatSync } from 'node:fs';
import { rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_FILE } from '../../src/model/manifest.ts';
import type { Artifact } from './artifact.ts';
import { movedInto, setAside } from './directory-moves.ts';
import { StoreError } from './errors.ts';
import { RECORD_FILE, readRecord, type Stored, verifyStored } from './stored.ts';

/**
 * Whether the store holds something under an artifact's name, recorded by the store.
 *
 * @throws {StoreError} `not-recorded` for a folder or file that the store did not put there
 */
export function isRecorded(root: string, artifact: Artifact): boolean {
  const { name } = artifact;
  const directory = join(root, name);
  const look = () => lstatSync(directory, { throwIfNoEntry: false })?.ino;
  const found = look();
  if (found === undefined) return false;
  if (readRecord(directory)) return true;
  // Another fetch replaced it between the two looks.
  if (look() !== found) return isRecorded(root, artifact);
  const why = `it stands where ${name} is to be stored, and the store did not put it there (no ${RECORD_FILE})`;
  throw new StoreError('not-recorded', `${directory} is left alone: ${why}. Move it away and fetch again.`);
}

/**
 * Moves a directory of verified files to its place in the store. Returns what another process landed there
 * meanwhile, if that is as good, and undefined when the directory itself landed.
 *
 * @throws {StoreError} `not-recorded` when somebody else's folder is in the way, `interrupted` on `signal`
 */
export async function landInStore(
  landing: string,
  root: string,
  artifact: Artifact,
  signal: AbortSignal | undefined,
  report: (line: string) => void,
): Promise<Stored | undefined> {
  const directory = join(root, artifact.name);
  let replaced: string | undefined;
  let present: Stored | undefined;
  try {
    while (!(await movedInto(landing, directory))) {
      if (!isRecorded(root, artifact)) continue; // Another process took it away: the place is free.
      present = await verifyStored(root, artifact, signal).catch((error: StoreError) => {
        if (error.code === 'interrupted') throw error;
        return undefined;
      });
      if (present) break;
      if (replaced !== undefined) await removeRecorded(replaced, report);
      replaced = await setAside(directory);
    }
  } catch (error) {
    if (replaced !== undefined) await rename(replaced, directory).catch(() => {});
    throw error;
  }
  if (replaced !== undefined) await removeRecorded(replaced, report);
  return present;
}

/**
 * Removes the files that the store put into a directory, and the directory unless the user keeps files there. These move to
 * `home` if that is free.
 */
export async function removeRecorded(
  directory: string,
  report: (line: string) => void,
  home?: string,
): Promise<void> {
  const recorded = readRecord(directory)?.files.map((file) => file.name) ?? [];
  for (const name of [...recorded, MANIFEST_FILE, RECORD_FILE])
    await rm(join(directory, name), { force: true });
  await rmdir(directory).catch(async () => {
    const kept = home !== undefined && (await movedInto(directory, home)) ? home : directory;
    report(`Files that the store did not put there are in ${kept} now.`);
  });
}
