// Whether what is to be baked into the images is there: a build that lacks it fails late.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findModel, readCatalog } from '../../functions/shared/model/catalog.ts';
import { reasonOf } from '../../functions/shared/model/errors.ts';
import { readStoreLocation } from '../../functions/shared/model/location.ts';
import { DeployError } from './errors.ts';
import type { ParameterValues } from './template-parameters.ts';

const prefixes = fileURLToPath(new URL('../../models/prefixes/', import.meta.url));

/**
 * Checks that the catalog has the model, and `models/prefixes` the folder, where they are named.
 *
 * @throws {DeployError} `unusable-parameter`
 */
export function checkImageContents({ Model, PrefixSet }: ParameterValues): void {
  if (Model) checkModel(Model);
  if (!PrefixSet || existsSync(join(prefixes, PrefixSet))) return;
  const folders = readdirSync(prefixes, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const known = folders.map(({ name }) => name).join(', ') || 'none';
  const message = `PrefixSet="${PrefixSet}" cannot be used: expected a folder of models/prefixes, of which there is ${known}.`;
  throw new DeployError('unusable-parameter', message);
}

/** The images are built with the project's own catalog. */
function checkModel(name: string): void {
  try {
    findModel(readCatalog(readStoreLocation({}).catalog), name);
  } catch (error) {
    const message = `Model="${name}" cannot be used: ${reasonOf(error)}`;
    throw new DeployError('unusable-parameter', message, { cause: error });
  }
}
