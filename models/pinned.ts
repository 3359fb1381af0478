// Whether the catalog says what a model's bytes must be. Images are built of such models only: what a build pins is gone with
// it, so that each build would trust anew whatever the source gives.
import { type Catalog, findModel } from '../functions/shared/model/catalog.ts';

/** The catalog has no hash of a model yet. */
export class UnpinnedError extends Error {
  override readonly name = 'UnpinnedError';
}

/**
 * Checks that a model has a hash that it is verified against.
 *
 * @param name undefined for the catalog's default
 * @throws {UnpinnedError} with what pins it
 * @throws {StoreError} `unknown-name`
 */
export function assertPinned(catalog: Catalog, name: string = catalog.default): void {
  if (findModel(catalog, name).sha256 !== null) return;
  throw new UnpinnedError(
    `${name} has no pinned hash to verify it against: run 'npm run model -- fetch ${name}', commit models/catalog.json, and build again.`,
  );
}
