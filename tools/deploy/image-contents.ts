// Checks that the model and the prefixes of the image exist. Without this check the build would fail only at its end.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assertPinned, readCatalog } from '../store/catalog.ts';
import { reasonOf } from '../store/errors.ts';
import { readStoreLocation } from '../store/location.ts';
import { DeployError } from './errors.ts';
import type { ParameterValues } from './template-parameters.ts';

const prefixesFolder = fileURLToPath(new URL('../../models/prefixes/', import.meta.url));

/**
 * Checks that the catalog pins the model, and that `models/prefixes` has the folder of `PrefixSet`, if one is set.
 *
 * @throws {DeployError} `unusable-parameter`
 */
export function checkImageContents({ Model, PrefixSet }: ParameterValues): void {
  checkModel(Model || undefined);
  if (!PrefixSet || existsSync(join(prefixesFolder, PrefixSet))) return;
  const folders = readdirSync(prefixesFolder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const known = folders.map(({ name }) => name).join(', ') || 'none';
  const message = `PrefixSet="${PrefixSet}" is not a folder of models/prefixes; the folders are: ${known}.`;
  throw new DeployError('unusable-parameter', message);
}

/** The build reads the project's own catalog, and bakes in its default model when no name is set. */
function checkModel(name: string | undefined): void {
  try {
    assertPinned(readCatalog(readStoreLocation({}).catalog), name);
  } catch (error) {
    const subject = name === undefined ? 'The default model' : `Model="${name}"`;
    const message = `${subject} cannot be used: ${reasonOf(error)}`;
    throw new DeployError('unusable-parameter', message, { cause: error });
  }
}
