// What the store holds already, when a fetch wants its place: taken, replaced, or left alone.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addModel } from '../../../../tools/store/add-model.ts';
import { modelArtifact } from '../../../../tools/store/artifact.ts';
import { findModel, readCatalog, updateCatalog } from '../../../../tools/store/catalog.ts';
import { fetchModel } from '../../../../tools/store/fetch-model.ts';
import { isStored } from '../../../../tools/store/stored.ts';
import { sha256Of, tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, failureOf, STORED_TINY } from './store-fixture.ts';

const one = tinyGguf();
const two = tinyGguf({ fill: 9 });

/** A store that holds `one` as tiny, from a source beside it. */
async function storeWithOne(overrides = {}) {
  const store = createStore(entryFor(one, ['file:replaced']));
  const source = store.put('one.gguf', one);
  const model = entryFor(one, [source], overrides);
  store.setCatalog(model);
  const { directory } = await fetchModel(store.location, 'tiny', store.options);
  store.failures.length = 0;
  return { ...store, model, source, stored: directory };
}

test('add does not take bytes of another source for those of its URI', async () => {
  const store = await storeWithOne();
  const other = entryFor(one, [store.source], { name: 'other' });
  await updateCatalog(store.location.catalog, (catalog) => ({
    ...catalog,
    default: 'other',
    models: [other],
  }));
  const uri = store.put('two.gguf', two);
  await addModel(store.location, uri, { name: 'tiny' }, store.options);
  expect(findModel(readCatalog(store.location.catalog), 'tiny')).toMatchObject({
    sha256: sha256Of(two),
    sources: [uri],
  });
  expect(readdirSync(store.stored)).toEqual(['.verified.json', 'model.json', 'two.gguf']);
  expect(store.failures).toEqual([
    expect.stringMatching(/one\.gguf, and not from one of its sources\. Fetching/),
  ]);
});

test('add takes bytes that came from its URI', async () => {
  const store = await storeWithOne();
  const other = entryFor(one, [store.source], { name: 'other' });
  await updateCatalog(store.location.catalog, (catalog) => ({
    ...catalog,
    default: 'other',
    models: [other],
  }));
  const added = await addModel(store.location, store.source, { name: 'tiny' }, store.options);
  expect(added).toMatchObject({ source: null, sha256: sha256Of(one) });
});

test('an unpinned model whose source was edited is fetched anew', async () => {
  const store = await storeWithOne();
  const edited = { ...store.model, sources: [store.put('two.gguf', two)], sha256: null, sizeBytes: null };
  await updateCatalog(store.location.catalog, (catalog) => ({ ...catalog, models: [edited] }));
  expect(isStored(store.location.root, modelArtifact(edited))).toBe(false);
  expect((await fetchModel(store.location, 'tiny', store.options)).sha256).toBe(sha256Of(two));
});

test('a record without a source, as earlier versions wrote it, is good for a pinned hash', async () => {
  const store = await storeWithOne();
  const path = join(store.stored, '.verified.json');
  const { source: _, ...record } = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify(record));
  expect(isStored(store.location.root, modelArtifact(store.model))).toBe(true);
  expect((await fetchModel(store.location, 'tiny', store.options)).source).toBeNull();
});

test('a folder that the store did not record is left alone, and named with what to do', async () => {
  const store = createStore(entryFor(one, ['file:/nonexistent/one.gguf']));
  mkdirSync(join(store.location.root, 'tiny'));
  writeFileSync(join(store.location.root, 'tiny', 'thesis.txt'), 'mine');
  const failure = await failureOf(fetchModel(store.location, 'tiny', store.options));
  expect(failure).toMatchObject({
    code: 'not-recorded',
    message: expect.stringMatching(/store\/tiny is left alone: .*Move it away and fetch again\.$/),
  });
  expect(store.contents()).toEqual(['tiny', 'tiny/thesis.txt']);
});

test('a damaged model stays until its replacement is there', async () => {
  const store = await storeWithOne();
  writeFileSync(join(store.stored, 'one.gguf'), 'damaged');
  rmSync(join(store.directory, 'one.gguf'));
  expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
    code: 'source-gone',
  });
  expect(readFileSync(join(store.stored, 'one.gguf'), 'utf8')).toBe('damaged');
  store.put('one.gguf', one);
  await fetchModel(store.location, 'tiny', store.options);
  expect(readFileSync(join(store.stored, 'one.gguf'))).toEqual(one);
});

test('files of the user’s own beside a replaced model are kept, and it is said where', async () => {
  const store = await storeWithOne();
  writeFileSync(join(store.stored, 'one.gguf'), 'damaged');
  writeFileSync(join(store.stored, 'notes.txt'), 'mine');
  await fetchModel(store.location, 'tiny', store.options);
  const [kept] = store.contents().filter((path) => path.endsWith('notes.txt'));
  expect(kept).toMatch(/^tiny\.[0-9a-f-]+\.replaced\/notes\.txt$/);
  expect(store.failures.at(-1)).toMatch(/^Files that the store did not put there are in .*\.replaced now\.$/);
});

test('three fetches at once replace a damaged model and leave one', async () => {
  const store = await storeWithOne();
  writeFileSync(join(store.stored, 'one.gguf'), 'damaged');
  const fetches = [1, 2, 3].map(() => fetchModel(store.location, 'tiny', store.options));
  await Promise.all(fetches);
  expect(readFileSync(join(store.stored, 'one.gguf'))).toEqual(one);
  expect(store.contents()).toEqual(STORED_TINY.map((path) => path.replace('tiny.gguf', 'one.gguf')).sort());
});
