// The links to the default model, made while other processes read them or make them too.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { readManifest } from '../../../../src/model/manifest.ts';
import { linkDefaultModel } from '../../../../tools/store/default-links.ts';
import { fetchModel } from '../../../../tools/store/fetch-model.ts';
import { tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, LINKED_TINY } from './store-fixture.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, link: vi.fn(real.link), rename: vi.fn(real.rename), rm: vi.fn(real.rm) };
});

const bytes = tinyGguf();

/** A store with two models, the first of them the default. */
async function storeWithTwo() {
  const store = createStore(entryFor(bytes, ['file:replaced']));
  const source = store.put('tiny.gguf', bytes);
  const models = ['tiny', 'other'].map((name) => entryFor(bytes, [source], { name }));
  store.setCatalog(...models);
  await fetchModel(store.location, 'other', store.options);
  const { directory } = await fetchModel(store.location, 'tiny', store.options);
  return { ...store, models, stored: directory, links: join(store.location.root, '.default') };
}

test('right links are left as they are, and of a model that was fetched anew they are made anew', async () => {
  const { location, options, links, stored } = await storeWithTwo();
  await linkDefaultModel(location);
  const { ino } = statSync(links);
  await linkDefaultModel(location);
  expect(statSync(links).ino).toBe(ino);

  await fs.rm(stored, { recursive: true });
  await fetchModel(location, 'tiny', options);
  await linkDefaultModel(location);
  const inodes = [links, stored].map((folder) => statSync(join(folder, 'tiny.gguf')).ino);
  expect(inodes[0]).toBe(inodes[1]);
});

test('the links to another model are in place before the earlier ones are removed', async () => {
  const { location, setCatalog, models, links } = await storeWithTwo();
  await linkDefaultModel(location);
  setCatalog(...models.toReversed());
  const { rm } = await vi.importActual<typeof fs>('node:fs/promises');
  const present: boolean[] = [];
  vi.mocked(fs.rm).mockImplementation(async (...removed) => {
    present.push(existsSync(links));
    await rm(...removed);
  });
  await linkDefaultModel(location);
  expect(readManifest(links).name).toBe('other');
  expect(present).not.toContain(false);
});

test('a model that is removed while links to it are made gets none', async () => {
  const { location, links, stored } = await storeWithTwo();
  const { link } = await vi.importActual<typeof fs>('node:fs/promises');
  vi.mocked(fs.link).mockImplementationOnce(async (from, to) => {
    await fs.rename(stored, `${stored}.removed`);
    await link(from, to);
  });
  await linkDefaultModel(location);
  expect(existsSync(links)).toBe(false);
});

test('links made at the same time do not disturb each other', async () => {
  const { location, links, stored, contents } = await storeWithTwo();
  const before = contents();
  for (let round = 0; round < 20; round++) {
    rmSync(join(links, 'model.json'), { force: true });
    await Promise.all(Array.from({ length: 8 }, () => linkDefaultModel(location)));
    expect(readdirSync(links)).toEqual(readdirSync(stored));
  }
  expect(contents()).toEqual([...LINKED_TINY, ...before]);
});

test('a store on a read-only disk needs no links where it does not have the default model', async () => {
  const store = createStore(entryFor(bytes, ['file:absent']));
  vi.mocked(fs.rename).mockRejectedValueOnce(Object.assign(new Error('read-only'), { code: 'EROFS' }));

  await linkDefaultModel(store.location);
  expect(store.contents()).toEqual([]);
});
