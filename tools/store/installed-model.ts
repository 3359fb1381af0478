// A model outside of the store, where the store's files were copied: an image's build copies them into the folder that it
// bakes, and verifies them there, so that no layer holds them twice.
import { basename, dirname, resolve } from 'node:path';
import { modelArtifact } from './artifact.ts';
import { findModel, readCatalog } from './catalog.ts';
import { toStoreError } from './errors.ts';
import type { FetchedModel, ModelFetchOptions } from './fetch-model.ts';
import { removeRecorded } from './landing.ts';
import type { StoreLocation } from './location.ts';
import { toManifest, writeManifest } from './model-manifest-file.ts';
import { readRecord, verifyStored } from './stored.ts';

/**
 * Verifies a copy of the store's folder of a model, and writes its manifest there. A copy of anything else is removed, and
 * `reportFailure` says why. Files without the store's record stay as they are.
 *
 * @param name of a model; undefined for the catalog's default
 * @returns undefined where the directory holds no copy of that model
 * @throws {StoreError} when the name is unknown, the catalog is malformed, or `interrupted` on `signal`
 */
export async function findInstalledModel(
  { catalog: path }: StoreLocation,
  name: string | undefined,
  directory: string,
  { reportFailure, report, signal }: ModelFetchOptions,
): Promise<FetchedModel | undefined> {
  const catalog = readCatalog(path);
  const model = findModel(catalog, name ?? catalog.default);
  if (readRecord(directory) === undefined) return undefined;
  const folder = resolve(directory);
  try {
    const artifact = { ...modelArtifact(model), name: basename(folder) };
    const stored = await verifyStored(dirname(folder), artifact, signal);
    const manifest = await toManifest(model, {
      catalog: path,
      directory: folder,
      files: stored.files,
      measured: stored,
    });
    await writeManifest(folder, manifest);
    return { ...stored, manifest, source: null, published: false };
  } catch (error) {
    const failure = toStoreError(error, 'not-stored', model.name);
    if (failure.code === 'interrupted') throw failure;
    reportFailure(`${failure.message} Fetching ${model.name} instead.`);
    await removeRecorded(folder, report);
    return undefined;
  }
}
