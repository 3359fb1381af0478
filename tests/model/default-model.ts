// Where the tests of this tier find the default model, which `npm test` has fetched and verified before.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readManifest } from '../../src/model/manifest.ts';

const models = new URL('../../models/', import.meta.url);
const catalog = JSON.parse(readFileSync(new URL('catalog.json', models), 'utf8')) as { default: string };

/** The folder of the catalog's default model. */
const modelDirectory = fileURLToPath(new URL(`store/${catalog.default}`, models));

export const model = readManifest(modelDirectory);

/** The default model's GGUF. */
export const modelPath = `${modelDirectory}/${model.file}`;
