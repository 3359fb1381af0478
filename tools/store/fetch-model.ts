// A model by its catalog name: fetched, described by a manifest, and pinned if the catalog had no hash yet.

import { type ModelManifest, readManifest } from '../../src/model/manifest.ts';
import { modelArtifact } from './artifact.ts';
import { findModel, type ModelEntry, readCatalog, updateCatalog } from './catalog.ts';
import { type Fetched, type FetchOptions, fetchArtifact } from './fetch-artifact.ts';
import type { StoreLocation } from './location.ts';
import { toManifest, writeManifest } from './model-manifest-file.ts';
import { today } from './pin-models.ts';

/** A model in the store. */
export interface FetchedModel extends Fetched {
  readonly manifest: ModelManifest;
}

/** How a model's fetch tells of itself. */
export type ModelFetchOptions = Omit<FetchOptions, 'describe'>;

/**
 * Makes sure that a model is in the store, verified, with its manifest. A model without a hash in the catalog is
 * pinned to what was fetched, and `report` says so.
 *
 * @param name of a model; undefined for the catalog's default
 * @throws {StoreError} when the name is unknown, the catalog is malformed, or no source brings the right file
 */
export async function fetchModel(
  location: StoreLocation,
  name: string | undefined,
  options: ModelFetchOptions,
): Promise<FetchedModel> {
  const catalog = readCatalog(location.catalog);
  const model = findModel(catalog, name ?? catalog.default);
  const fetched = await fetchDescribed(location, model, options);
  if (model.sha256 === null) await pin(location, fetched, options);
  return fetched;
}

/** Fetches a model that the catalog may not hold yet, and puts its manifest beside it. */
export async function fetchDescribed(
  location: StoreLocation,
  model: ModelEntry,
  options: ModelFetchOptions,
): Promise<FetchedModel> {
  const { catalog } = location;
  // Remembered, because another process may replace or remove the folder.
  let described: ModelManifest | undefined;
  const fetched = await fetchArtifact(location.root, modelArtifact(model), {
    ...options,
    describe: async (directory, files, measured) => {
      described = await toManifest(model, { catalog, directory, files, measured });
      await writeManifest(directory, described);
    },
  });
  return { ...fetched, manifest: described ?? readManifest(fetched.directory) };
}

async function pin(
  location: StoreLocation,
  { manifest, published }: FetchedModel,
  { report }: ModelFetchOptions,
): Promise<void> {
  const { name, sizeBytes, sha256, parameters, quantisation, contextLength } = manifest;
  await updateCatalog(location.catalog, (catalog) => ({
    ...catalog,
    models: catalog.models.map((model) => {
      if (model.name !== name || model.sha256 !== null) return model;
      const { approximateSizeBytes: _, ...entry } = model;
      const verified = { on: today(), by: published ? ('source' as const) : ('file' as const) };
      return { ...entry, sizeBytes, sha256, verified, parameters, quantisation, contextLength };
    }),
  }));
  const authority = published
    ? 'the SHA-256 its source publishes'
    : 'the file as it came: its source publishes no hash';
  report(`Pinned ${name} to ${sha256} (${authority}) in ${location.catalog}.`);
}
