// What is in the store, and whether it still is what was verified when it landed there.
import { readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from './artifact.ts';
import { StoreError, toStoreError } from './errors.ts';
import { type Measured, verifyFiles } from './verify.ts';

/** The record's file name; a directory without one was not put there by the store. */
export const RECORD_FILE = '.verified.json';

/** Node's `cpSync` keeps a time of modification to the microsecond, and the file has nanoseconds: a copy may differ by a little. */
const COPY_PRECISION_MILLISECONDS = 1;

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
  /** The URI the files came from; undefined in the records of earlier versions. */
  readonly source?: string;
  readonly files: readonly FileStamp[];
}

/** Notes in a directory what its files were found to be, so that an untouched file need not be hashed again. */
export async function recordVerification(
  directory: string,
  files: readonly string[],
  { sizeBytes, sha256 }: Measured,
  source: string,
): Promise<void> {
  const stamps = files.map((name) => stamp(directory, name));
  const record: VerificationRecord = { source, sizeBytes, sha256, files: stamps };
  await writeFile(join(directory, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Whether an artifact is in the store and untouched since it was verified: compares names, sizes and
 * modification times and hashes nothing. For a quick start; a build calls `verifyStored`.
 */
export function isStored(root: string, artifact: Artifact): boolean {
  const directory = join(root, artifact.name);
  const record = readRecord(directory);
  if (!record || !isFromSourceOf(record, artifact)) return false;
  if (record.sha256 !== (artifact.expected.sha256 ?? record.sha256)) return false;
  try {
    return record.files.every((file) => {
      const { sizeBytes, modifiedMilliseconds } = stamp(directory, file.name);
      const moved = Math.abs(modifiedMilliseconds - file.modifiedMilliseconds);
      return sizeBytes === file.sizeBytes && moved < COPY_PRECISION_MILLISECONDS;
    });
  } catch {
    return false;
  }
}

/**
 * Hashes an artifact's files again and compares them with the catalog, or, while the catalog has no hash,
 * with what they were when they landed from one of its sources.
 *
 * @throws {StoreError} `not-stored`, `not-gguf`, `wrong-size`, `wrong-hash`, or `interrupted` on `signal`
 */
export async function verifyStored(
  root: string,
  artifact: Artifact,
  signal: AbortSignal | undefined,
): Promise<Stored> {
  const directory = join(root, artifact.name);
  const record = readRecord(directory);
  if (!record) {
    const advice = `Run: npm run model -- fetch ${artifact.fetchArguments}`;
    throw new StoreError('not-stored', `${artifact.name} is not in the store ${root}. ${advice}`);
  }
  if (!isFromSourceOf(record, artifact)) {
    const origin = `came from ${record.source ?? 'an unknown source'}, and not from one of its sources`;
    throw new StoreError('not-stored', `${artifact.name} in the store ${origin}.`);
  }
  const expected = {
    gguf: artifact.expected.gguf,
    sizeBytes: artifact.expected.sizeBytes ?? record.sizeBytes,
    sha256: artifact.expected.sha256 ?? record.sha256,
  };
  const files = record.files.map((file) => file.name);
  const paths = files.map((file) => join(directory, file));
  try {
    return { directory, files, ...(await verifyFiles(paths, expected, paths.join(' + '), signal)) };
  } catch (error) {
    throw toStoreError(error, 'not-stored', `${artifact.name} cannot be read from the store`);
  }
}

function stamp(directory: string, name: string): FileStamp {
  const { size, mtimeMs } = statSync(join(directory, name));
  return { name, sizeBytes: size, modifiedMilliseconds: mtimeMs };
}

/** A pinned hash says all; without one, only files from the same URI may be taken for the artifact. */
function isFromSourceOf({ source }: VerificationRecord, { expected, sources }: Artifact): boolean {
  return expected.sha256 !== null || (source !== undefined && sources.includes(source));
}

/** What the store noted in a directory; undefined where it noted nothing. */
export function readRecord(directory: string): VerificationRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(join(directory, RECORD_FILE), 'utf8')) as VerificationRecord;
    return record.files.length > 0 && typeof record.sha256 === 'string' ? record : undefined;
  } catch {
    return undefined; // Never stored, or a record no one wrote: either way to be fetched.
  }
}
