// The links to the default model, made by several processes at the same time.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { linkDefaultModel } from '../../../../tools/store/default-links.ts';
import { fetchModel } from '../../../../tools/store/fetch-model.ts';
import { tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, LINKED_TINY, STORED_TINY } from './store-fixture.ts';

const bytes = tinyGguf();

test('links made at the same time do not disturb each other', async () => {
  const store = createStore(entryFor(bytes, ['file:replaced']));
  const source = store.put('tiny.gguf', bytes);
  store.setCatalog(entryFor(bytes, [source]));
  const { directory } = await fetchModel(store.location, 'tiny', store.options);
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 8 }, () => linkDefaultModel(store.location)));
    expect(readdirSync(join(store.location.root, '.default'))).toEqual(readdirSync(directory));
  }
  expect(store.contents()).toEqual([...LINKED_TINY, ...STORED_TINY]);
});
