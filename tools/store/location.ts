// Where the store and its catalog are on this machine.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of stored files and the catalog that says what they must be. */
export interface StoreLocation {
  /** Absolute path of the directory that holds one directory for each stored model or tool. */
  readonly root: string;
  /** Absolute path of the catalog file. */
  readonly catalog: string;
}

/**
 * The store of this project, or the one that `MODEL_STORE` and `MODEL_CATALOG` name.
 *
 * @default `models/store` and `models/catalog.json` of the project
 */
export function readStoreLocation(env: Readonly<Record<string, string | undefined>>): StoreLocation {
  const models = fileURLToPath(new URL('../../models/', import.meta.url));
  return {
    root: resolve(env.MODEL_STORE?.trim() || resolve(models, 'store')),
    catalog: resolve(env.MODEL_CATALOG?.trim() || resolve(models, 'catalog.json')),
  };
}
