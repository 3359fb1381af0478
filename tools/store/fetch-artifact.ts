// From a name to a verified directory in the store: each source in turn, into a place of its own, checked,
// and landed by one rename.
import { createHash } from 'node:crypto';
import { chmod, mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Artifact } from './artifact.ts';
import { allocatedBytes, ensureFreeSpace } from './disk-space.ts';
import { StoreError, type StoreErrorCode, toStoreError } from './errors.ts';
import { isRecorded, landInStore } from './landing.ts';
import { claimPartDirectory, type PartDirectory } from './part-directory.ts';
import { sourceOf } from './source.ts';
import { recordVerification, type Stored, verifyStored } from './stored.ts';
import type { TransferContext, TransferredFile } from './transfer.ts';
import { type Measured, verifyFiles } from './verify.ts';

const LANDING = 'landing';
/** Failures that no other source would mend. */
const FINAL: ReadonlySet<StoreErrorCode> = new Set(['disk-full', 'not-recorded']);

/** How a fetch tells of itself, and how its model is described. */
export interface FetchOptions extends Omit<TransferContext, 'expected'> {
  /** Called with one line for each source that failed while another one is left. */
  readonly reportFailure: (line: string) => void;
  /** Adds to the directory before it lands, such as a manifest, or to one that is in the store already. */
  readonly describe?: (directory: string, files: readonly string[], measured: Measured) => Promise<void>;
}

/** An artifact in the store, and whether this call brought it there. */
export interface Fetched extends Stored {
  /** The source it came from; null when it was in the store already. */
  readonly source: string | null;
  /** Whether that source publishes the SHA-256 itself, so that the files were checked against it. */
  readonly published: boolean;
}

/**
 * Makes sure that an artifact is in the store, verified to the last byte.
 *
 * @throws {StoreError} the last source's failure; earlier ones went to `reportFailure`
 */
export async function fetchArtifact(
  root: string,
  artifact: Artifact,
  options: FetchOptions,
): Promise<Fetched> {
  let failure: string | undefined;
  const stored = await findUnclaimed(root, artifact, {
    ...options,
    reportFailure: (line) => {
      failure = line;
    },
  });
  if (stored) return stored;
  let part: PartDirectory | undefined;
  try {
    part = await claimPartDirectory(root, artifact.name, options);
    // Another process may have fetched it meanwhile.
    const landed = await findStored(root, artifact, options);
    if (landed) return landed;
    return await fromFirstSource(root, artifact, part, options);
  } catch (error) {
    // With the claim it is reported.
    if (part === undefined && failure !== undefined && !options.signal?.aborted)
      options.reportFailure(failure);
    throw toStoreError(error, 'source-failed', `${artifact.name} cannot be stored in ${root}`);
  } finally {
    await part?.release();
  }
}

/**
 * Finds it without a claim, so that a store which cannot be written to serves what it has. Another process may remove it
 * meanwhile, so a failure is only reported.
 */
async function findUnclaimed(
  root: string,
  artifact: Artifact,
  options: FetchOptions,
): Promise<Fetched | undefined> {
  try {
    return await findStored(root, artifact, options);
  } catch (error) {
    const failure = toStoreError(error, 'not-stored', artifact.name);
    if (failure.code === 'interrupted' || failure.code === 'not-recorded') throw failure;
    options.reportFailure(failure.message);
    return undefined;
  }
}

async function findStored(
  root: string,
  artifact: Artifact,
  options: FetchOptions,
): Promise<Fetched | undefined> {
  if (!isRecorded(root, artifact)) return undefined;
  let stored: Stored;
  try {
    stored = await verifyStored(root, artifact, options.signal);
  } catch (error) {
    const failure = toStoreError(error, 'not-stored', artifact.name);
    if (failure.code === 'interrupted') throw failure;
    options.reportFailure(`${failure.message} Fetching it again.`); // It stays until the new one is ready to land.
    return undefined;
  }
  return describeStored(stored, options);
}

/** Its description may be lost, or the catalog may say something else by now. */
async function describeStored(stored: Stored, { describe }: FetchOptions): Promise<Fetched> {
  await describe?.(stored.directory, stored.files, stored);
  return { ...stored, source: null, published: false };
}

async function fromFirstSource(root: string, artifact: Artifact, part: PartDirectory, options: FetchOptions) {
  const { sources, expected } = artifact;
  for (const [index, uri] of sources.entries()) {
    const directory = join(part.path, createHash('sha256').update(uri).digest('hex').slice(0, 16));
    try {
      await mkdir(directory, { recursive: true });
      const missing = (expected.sizeBytes ?? 0) - (await allocatedBytes(directory));
      await ensureFreeSpace(directory, missing, artifact.name);
      const files = await sourceOf(uri)(uri, directory, { ...options, expected });
      const measured = await verifyTransferred(files, artifact, uri, options.signal);
      const landed = await land(root, files, artifact, measured, uri, part, options);
      await rm(part.path, { recursive: true, force: true });
      return landed;
    } catch (error) {
      const failure = toStoreError(error, 'source-failed', uri);
      if (failure.code === 'interrupted' || failure.code === 'disk-full')
        await rmdir(directory).catch(() => {});
      else await rm(directory, { recursive: true, force: true });
      await rm(join(part.path, LANDING), { recursive: true, force: true });
      const final =
        index === sources.length - 1 || FINAL.has(failure.code) || options.signal?.aborted === true;
      if (final) throw failure;
      options.reportFailure(`${failure.message} Trying the next source.`);
    }
  }
  throw new StoreError('malformed-catalog', `${artifact.name} has no source. Give it one in the catalog.`);
}

async function verifyTransferred(
  files: readonly TransferredFile[],
  { expected }: Artifact,
  uri: string,
  signal: AbortSignal | undefined,
): Promise<Measured> {
  const published = files.length === 1 ? (files[0]?.publishedSha256 ?? null) : null;
  if (files.length > 1) {
    for (const { path, publishedSha256 } of files) {
      if (publishedSha256 === null) continue;
      const part = { gguf: expected.gguf, sizeBytes: null, sha256: publishedSha256 };
      await verifyFiles([path], part, `${uri} (${basename(path)})`, signal);
    }
  }
  const paths = files.map((file) => file.path);
  return verifyFiles(paths, { ...expected, sha256: expected.sha256 ?? published }, uri, signal);
}

async function land(
  root: string,
  transferred: readonly TransferredFile[],
  artifact: Artifact,
  measured: Measured,
  source: string,
  part: PartDirectory,
  options: FetchOptions,
): Promise<Fetched> {
  const landing = join(part.path, LANDING);
  await mkdir(landing, { recursive: true });
  const files: string[] = [];
  for (const { path, isLink } of transferred) {
    const name = artifact.fileName ?? basename(path);
    if (!isLink) await chmod(path, artifact.executable ? 0o755 : 0o644);
    await rename(path, join(landing, name));
    files.push(name);
  }
  await options.describe?.(landing, files, measured);
  await recordVerification(landing, files, measured, source);
  const present = await landInStore(landing, root, artifact, options.signal, options.reportFailure);
  if (present) return describeStored(present, options);
  const published = transferred.every((file) => file.publishedSha256 !== null);
  return { directory: join(root, artifact.name), files, ...measured, source, published };
}
