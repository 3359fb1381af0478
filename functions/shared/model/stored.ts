// What is in the store, and whether it still is what was verified when it landed there.
import { readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from './artifact.ts';
import { StoreError, toStoreError } from './errors.ts';
import { type Measured, verifyFiles } from './verify.ts';

const RECORD_FILE = '.verified.json';

/** A verified artifact in the store. */
export interface Stored extends Measured {
  /** Absolute path of its directory. */
  readonly directory: string;
  /** Its files' names in that directory, in load order. */
  readonly files: readonly string[];
}

interface FileStamp {
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedMilliseconds: number;
}

interface VerificationRecord extends Measured {
  readonly files: readonly FileStamp[];
}

/** Notes in a directory what its files were found to be, so that an untouched file need not be hashed again. */
export async function recordVerification(directory: string, files: readonly string[], measured: Measured) {
  const record: VerificationRecord = { ...measured, files: files.map((name) => stamp(directory, name)) };
  await writeFile(join(directory, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Whether an artifact is in the store and untouched since it was verified: compares names, sizes and
 * modification times and hashes nothing. For a quick start; a build calls `verifyStored`.
 */
export function isStored(root: string, artifact: Artifact): boolean {
  const directory = join(root, artifact.name);
  const record = readRecord(directory);
  if (!record || record.sha256 !== (artifact.expected.sha256 ?? record.sha256)) return false;
  try {
    return record.files.every((file) => {
      const { sizeBytes, modifiedMilliseconds } = stamp(directory, file.name);
      return sizeBytes === file.sizeBytes && modifiedMilliseconds === file.modifiedMilliseconds;
    });
  } catch {
    return false;
  }
}

/**
 * Hashes an artifact's files again and compares them with the catalog, or, while the catalog has no hash,
 * with what they were when they landed.
 *
 * @throws {StoreError} `not-stored`, `not-gguf`, `wrong-size` or `wrong-hash`
 */
export async function verifyStored(root: string, artifact: Artifact): Promise<Stored> {
  const directory = join(root, artifact.name);
  const record = readRecord(directory);
  if (!record) {
    const advice = `Run: npm run model -- fetch ${artifact.fetchArguments}`;
    throw new StoreError('not-stored', `${artifact.name} is not in the store ${root}. ${advice}`);
  }
  const expected = {
    gguf: artifact.expected.gguf,
    sizeBytes: artifact.expected.sizeBytes ?? record.sizeBytes,
    sha256: artifact.expected.sha256 ?? record.sha256,
  };
  const files = record.files.map((file) => file.name);
  const paths = files.map((file) => join(directory, file));
  try {
    return { directory, files, ...(await verifyFiles(paths, expected, paths.join(' + '))) };
  } catch (error) {
    throw toStoreError(error, 'not-stored', `${artifact.name} cannot be read from the store`);
  }
}

function stamp(directory: string, name: string): FileStamp {
  const { size, mtimeMs } = statSync(join(directory, name));
  return { name, sizeBytes: size, modifiedMilliseconds: mtimeMs };
}

function readRecord(directory: string): VerificationRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(join(directory, RECORD_FILE), 'utf8')) as VerificationRecord;
    return record.files.length > 0 && typeof record.sha256 === 'string' ? record : undefined;
  } catch {
    return undefined; // Never stored, or a record no one wrote: either way to be fetched.
  }
}
