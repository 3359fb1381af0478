// Whether what is to be baked into the images is there: a build that lacks it fails late.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assertPinned, readCatalog } from '../store/catalog.ts';
import { reasonOf } from '../store/errors.ts';
import { readStoreLocation } from '../store/location.ts';
import { DeployError } from './errors.ts';
import type { ParameterValues } from './template-parameters.ts';

const prefixes = fileURLToPath(new URL('../../models/prefixes/', import.meta.url));

/**
 * Checks that the catalog pins the model, and that `models/prefixes` has the folder, where one is named.
 *
 * @throws {DeployError} `unusable-parameter`
 */
export function checkImageContents({ Model, PrefixSet }: ParameterValues): void {
  checkModel(Model || undefined);
  if (!PrefixSet || existsSync(join(prefixes, PrefixSet))) return;
  const folders = readdirSync(prefixes, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const known = folders.map(({ name }) => name).join(', ') || 'none';
  const message = `PrefixSet="${PrefixSet}" cannot be used: expected a folder of models/prefixes, of which there is ${known}.`;
  throw new DeployError('unusable-parameter', message);
}

/** The images are built with the project's own catalog, whose default is the model where none is named. */
function checkModel(name: string | undefined): void {
  try {
    assertPinned(readCatalog(readStoreLocation({}).catalog), name);
  } catch (error) {
    const what = name === undefined ? 'The default model' : `Model="${name}"`;
    const message = `${what} cannot be used: ${reasonOf(error)}`;
    throw new DeployError('unusable-parameter', message, { cause: error });
  }
}
