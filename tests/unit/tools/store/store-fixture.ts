// A store of its own for each test: a temporary directory with a catalog, and a record of what was said.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ModelEntry } from '../../../../tools/store/catalog.ts';
import type { StoreError } from '../../../../tools/store/errors.ts';
import type { ModelFetchOptions } from '../../../../tools/store/fetch-model.ts';
import { sha256Of } from './gguf-fixture.ts';

/** A catalog entry for bytes, pinned to them unless `overrides` says otherwise. */
export function entryFor(bytes: Buffer, sources: string[], overrides: Partial<ModelEntry> = {}): ModelEntry {
  return {
    name: 'tiny',
    title: 'Tiny',
    licence: 'MIT',
    parameters: 32,
    quantisation: 'Q8_0',
    contextLength: 2048,
    sizeBytes: bytes.length,
    sha256: sha256Of(bytes),
    sources,
    ...overrides,
  };
}

/** A store with these models in its catalog, removed when the test ends. */
export function createStore(...models: ModelEntry[]) {
  const directory = mkdtempSync(join(tmpdir(), 'model-store-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const location = { root: join(directory, 'store'), catalog: join(directory, 'catalog.json') };
  mkdirSync(location.root);
  const setCatalog = (...models: ModelEntry[]) =>
    writeFileSync(
      location.catalog,
      JSON.stringify({ default: models[0]?.name ?? 'none', models, tools: {} }),
    );
  setCatalog(...models);
  const reports: string[] = [];
  const failures: string[] = [];
  const options: ModelFetchOptions = {
    onProgress: () => {},
    report: (line) => reports.push(line),
    reportFailure: (line) => failures.push(line),
  };
  return {
    directory,
    location,
    options,
    reports,
    failures,
    /** Writes the catalog anew, with these models and the first as the default. */
    setCatalog,
    /** All paths in the store, temporary ones too; without the folder for downloads itself, which stays. */
    contents: () =>
      (readdirSync(location.root, { recursive: true }) as string[])
        .filter((path) => path !== '.parts')
        .sort(),
    /** Writes a file beside the store and returns its `file:` URI. */
    put: (name: string, bytes: Buffer | string) => {
      writeFileSync(join(directory, name), bytes);
      return `file:${join(directory, name)}`;
    },
  };
}

/** The paths a store holds for one fetched tiny model. */
export const STORED_TINY = ['tiny', 'tiny/.verified.json', 'tiny/model.json', 'tiny/tiny.gguf'];

/** The links to it, where it is the catalog's default. */
export const LINKED_TINY = [
  '.default',
  '.default/.verified.json',
  '.default/model.json',
  '.default/tiny.gguf',
];

/** The failure a promise ends in; a promise that succeeds fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<StoreError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error as StoreError,
  );
  if (!outcome) throw new Error('expected a failure, and there was none');
  return outcome;
}
