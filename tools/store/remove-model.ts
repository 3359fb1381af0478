// Takes a model out of the store, and out of the catalog where that is asked for.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findModel, readCatalog, updateCatalog } from './catalog.ts';
import { linkDefaultModel } from './default-links.ts';
import { movedInto, setAside } from './directory-moves.ts';
import { StoreError, toStoreError } from './errors.ts';
import { removeRecorded } from './landing.ts';
import type { StoreLocation } from './location.ts';
import { claimPartDirectory, type PartDirectory } from './part-directory.ts';
import { readRecord } from './stored.ts';
import type { TransferContext } from './transfer.ts';

export interface RemovedModel {
  /** Bytes that its files had; undefined where the store did not hold it. */
  readonly sizeBytes: number | undefined;
}

interface RemoveOptions extends Pick<TransferContext, 'report' | 'signal'> {
  /** Whether its entry leaves the catalog too. */
  readonly withEntry: boolean;
}

/**
 * Removes a model's files from the store. Files that the store did not put there stay.
 *
 * @throws {StoreError} `unknown-name`, also for the entry of the default model, `source-failed` when the store cannot be
 * written, or `interrupted` while it waits for another process
 */
export async function removeModel(
  location: StoreLocation,
  name: string,
  { withEntry, ...options }: RemoveOptions,
): Promise<RemovedModel> {
  const catalog = readCatalog(location.catalog);
  const model = findModel(catalog, name);
  if (withEntry && catalog.default === name) {
    throw new StoreError(
      'unknown-name',
      `${name} is the default model. Make another one the default first: npm run model -- use NAME`,
    );
  }
  const directory = join(location.root, model.name);
  let sizeBytes: number | undefined;
  let part: PartDirectory | undefined;
  try {
    part = await claimPartDirectory(location.root, model.name, options);
    sizeBytes = readRecord(directory)?.sizeBytes;
    if (sizeBytes !== undefined) await removeStored(directory, options.report);
    // What an interrupted download has left.
    await rm(part.path, { recursive: true, force: true });
  } catch (error) {
    throw toStoreError(error, 'source-failed', `${directory} cannot be removed`);
  } finally {
    await part?.release();
  }
  if (withEntry) {
    await updateCatalog(location.catalog, (current) => ({
      ...current,
      models: current.models.filter((entry) => entry.name !== name),
    }));
  }
  await linkDefaultModel(location);
  return { sizeBytes };
}

/** Removes a directory once it is set aside, because a fetch may land in its place meanwhile. */
async function removeStored(directory: string, report: (line: string) => void): Promise<void> {
  const aside = await setAside(directory);
  if (aside === undefined) return;
  try {
    await removeRecorded(aside, report, directory);
  } catch (error) {
    await movedInto(aside, directory).catch(() => {});
    throw error;
  }
}
