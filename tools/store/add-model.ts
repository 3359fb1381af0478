// A model that is not in the catalog: fetched from its URI, described by its own header, and entered.
import { basename, join } from 'node:path';
import { type Catalog, catalogName, type ModelEntry, readCatalog, updateCatalog } from './catalog.ts';
import { StoreError } from './errors.ts';
import { type FetchedModel, fetchDescribed, type ModelFetchOptions } from './fetch-model.ts';
import { describeGguf, type GgufDescription } from './gguf-description.ts';
import type { StoreLocation } from './location.ts';
import { readTemplate, writeManifest } from './model-manifest-file.ts';
import { today } from './pin-models.ts';
import { sourceOf } from './source.ts';

/** A model new in the catalog and in the store, with what its header says. */
export interface AddedModel extends FetchedModel {
  readonly header: GgufDescription;
}

/**
 * Fetches a model from any URI the store knows and writes its catalog entry, pinned.
 *
 * @param entry its `name`; undefined derives it from the file's name. Its `chatTemplate`, as in the catalog
 * @throws {StoreError} `name-taken`, `not-gguf` for a file without weights, or the fetch's failure
 */
export async function addModel(
  location: StoreLocation,
  uri: string,
  { name, chatTemplate }: { readonly name?: string | undefined; readonly chatTemplate?: string | undefined },
  options: ModelFetchOptions,
): Promise<AddedModel> {
  sourceOf(uri);
  const newName = name ?? nameOf(uri);
  refuseTaken(readCatalog(location.catalog), newName);
  const template = chatTemplate === undefined ? {} : { chatTemplate };
  if (chatTemplate !== undefined) await readTemplate(chatTemplate, location.catalog);
  const entry = { ...provisionalEntry(newName, uri), ...template };
  const fetched = await fetchDescribed(location, entry, options);
  const header = await describeGguf(join(fetched.directory, fetched.files[0] ?? ''));
  const manifest = {
    ...fetched.manifest,
    title: header.title ?? newName,
    licence: header.licence ?? 'unknown',
  };
  await writeManifest(fetched.directory, manifest);
  const { title, licence, sizeBytes, sha256, parameters, quantisation, contextLength } = manifest;
  const verified = { on: today(), by: fetched.published ? ('source' as const) : ('file' as const) };
  const facts = { title, licence, parameters, quantisation, contextLength, sizeBytes, sha256, verified };
  await updateCatalog(location.catalog, (catalog) => {
    refuseTaken(catalog, newName);
    return {
      ...catalog,
      models: [...catalog.models, { name: newName, ...facts, sources: [uri], ...template }],
    };
  });
  return { ...fetched, manifest, header };
}

function refuseTaken(catalog: Catalog, name: string): void {
  const { error } = catalogName.safeParse(name);
  if (error) throw new StoreError('unknown-name', `"${name}" is not a name: ${error.issues[0]?.message}.`);
  if (catalog.models.some((model) => model.name === name) || Object.hasOwn(catalog.tools, name)) {
    throw new StoreError('name-taken', `The catalog has a "${name}" already. Give another name with --name.`);
  }
}

function nameOf(uri: string): string {
  const path = uri.replace(/^[a-z0-9]+:/, '').replace(/(\.gguf)[?#].*$/i, '$1');
  const stem = basename(path)
    .replace(/\.gguf$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '');
  return stem
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, (dots) => (dots === '.' ? '.' : '-'))
    .replace(/^[._-]+|[._-]+$/g, '');
}

/** What is known before the file is: the header replaces the figures, and must have them. */
function provisionalEntry(name: string, uri: string): ModelEntry {
  const unknown = { parameters: 0, quantisation: 'unknown', contextLength: 0, sizeBytes: null, sha256: null };
  return { name, title: name, licence: 'unknown', ...unknown, sources: [uri] };
}
