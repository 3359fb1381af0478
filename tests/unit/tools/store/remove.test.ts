// Removing a model, while another process fetches it too.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { modelArtifact } from '../../../../tools/store/artifact.ts';
import { fetchArtifact } from '../../../../tools/store/fetch-artifact.ts';
import { fetchModel } from '../../../../tools/store/fetch-model.ts';
import { landInStore } from '../../../../tools/store/landing.ts';
import { claimPartDirectory } from '../../../../tools/store/part-directory.ts';
import { removeModel } from '../../../../tools/store/remove-model.ts';
import { tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, STORED_TINY } from './store-fixture.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, rm: vi.fn(real.rm) };
});

const bytes = tinyGguf();

async function storedTiny() {
  const store = createStore(entryFor(bytes, ['file:replaced']));
  const model = entryFor(bytes, [store.put('tiny.gguf', bytes)]);
  store.setCatalog(model);
  const { directory } = await fetchModel(store.location, 'tiny', store.options);
  const remove = (report = store.options.report) =>
    removeModel(store.location, 'tiny', { withEntry: false, report });
  return { ...store, model, stored: directory, remove };
}

test('a model that lands while its earlier files are removed is whole', async () => {
  const { location, options, directory, model, stored, remove, contents } = await storedTiny();
  const landing = join(directory, 'landing');
  cpSync(stored, landing, { recursive: true });
  const { rm } = await vi.importActual<typeof fs>('node:fs/promises');
  vi.mocked(fs.rm).mockImplementationOnce(async (...removed) => {
    await rm(...removed);
    await landInStore(landing, location.root, modelArtifact(model), undefined, options.report);
  });

  await remove();

  expect(contents().filter((path) => !path.startsWith('.'))).toEqual(STORED_TINY);
  expect(await fetchModel(location, 'tiny', options)).toMatchObject({ source: null });
});

test('a model that another process fetches is removed when that ends, and its download is left to it', async () => {
  const { location, options, stored, remove, contents } = await storedTiny();
  const part = await claimPartDirectory(location.root, 'tiny', options);
  mkdirSync(part.path);
  writeFileSync(join(part.path, 'half'), '');
  const waits = Promise.withResolvers<void>();
  const removed = remove(() => waits.resolve());
  await waits.promise;
  expect(readdirSync(part.path)).toEqual(['half']);
  expect(readdirSync(stored)).toHaveLength(3);

  await part.release();

  expect(await removed).toEqual({ sizeBytes: bytes.length });
  expect(contents()).toEqual([]);
});

test('a model that is removed after it was verified is fetched again', async () => {
  const { location, options, model, remove } = await storedTiny();
  let isRemoved = false;
  const describe = async (directory: string) => {
    if (!isRemoved) await remove();
    isRemoved = true;
    expect(readFileSync(join(directory, 'tiny.gguf'))).toEqual(bytes);
  };
  const fetched = await fetchArtifact(location.root, modelArtifact(model), { ...options, describe });
  expect(fetched.source).toBe(model.sources[0]);
});

test('files of the user’s own stay in their place, and it is said', async () => {
  const { stored, remove, reports } = await storedTiny();
  writeFileSync(join(stored, 'notes.txt'), 'mine');

  await remove();

  expect(readdirSync(stored)).toEqual(['notes.txt']);
  expect(reports).toEqual([`Files that the store did not put there are in ${stored} now.`]);
});

test('a model that cannot be removed stays in its place', async () => {
  const { stored, remove } = await storedTiny();
  vi.mocked(fs.rm).mockRejectedValueOnce(
    Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }),
  );

  await expect(remove()).rejects.toThrow(`${stored} cannot be removed: EACCES`);

  expect(readFileSync(join(stored, 'tiny.gguf'))).toEqual(bytes);
});
