import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findArtifact } from '../../../../tools/store/artifact.ts';
import { findModel, readCatalog, updateCatalog } from '../../../../tools/store/catalog.ts';
import { readStoreLocation } from '../../../../tools/store/location.ts';
import { tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor } from './store-fixture.ts';

const entry = entryFor(tinyGguf(), ['file:tiny.gguf']);
const shipped = readStoreLocation({}).catalog;

describe('the catalog of this project', () => {
  const catalog = readCatalog(shipped);

  test('pins its default model and every tool', () => {
    const { expected } = findArtifact(catalog, catalog.default, 'x64');
    expect(expected.sha256).toBe('b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53');
    expect(findArtifact(catalog, 'aws-lambda-rie', 'arm64')).toMatchObject({
      name: 'aws-lambda-rie-arm64',
      fileName: 'aws-lambda-rie',
      executable: true,
      expected: { sizeBytes: 8585378 },
    });
  });

  test('names a file for every model whose source is the hub', () => {
    const uris = catalog.models.flatMap((model) => model.sources).filter((uri) => uri.startsWith('hf:'));
    expect(uris.length).toBeGreaterThan(0);
    expect(uris.filter((uri) => !/^hf:[^/]+\/[^/]+\/.+\.gguf(?:#[0-9a-f]{40})?$/.test(uri))).toEqual([]);
  });

  test('stays as it is, to the byte, when nothing in it is changed', async () => {
    const store = createStore(entry);
    writeFileSync(store.location.catalog, readFileSync(shipped));
    await updateCatalog(store.location.catalog, (unchanged) => unchanged);
    expect(readFileSync(store.location.catalog, 'utf8')).toBe(readFileSync(shipped, 'utf8'));
  });
});

describe('a malformed catalog is refused with the field at fault', () => {
  const valid = { default: 'tiny', models: [entry], tools: {} };
  const model = (changes: object) => ({ ...valid, models: [{ ...entry, ...changes }] });
  test.each([
    ['not JSON', '{', 'cannot be read'],
    ['no models', { ...valid, models: [] }, 'at models'],
    ['an unknown default', { ...valid, default: 'other' }, 'at default: "other" is not among the models'],
    ['a name twice', { ...valid, models: [entry, entry] }, 'at models.1.name: "tiny" is there twice'],
    ['a path as name', model({ name: '../tiny' }), 'at models.0.name'],
    ['a short hash', model({ sha256: 'abc' }), 'at models.0.sha256: expected 64'],
    ['a size without a hash', model({ sha256: null }), 'at models.0.sizeBytes: sha256 and sizeBytes'],
    [
      'an unknown scheme',
      model({ sources: ['ftp://host/tiny.gguf'] }),
      'at models.0.sources.0: expected https:',
    ],
    ['no source', model({ sources: [] }), 'at models.0.sources'],
    ['an unknown field', model({ checksum: 'abc' }), 'at models.0'],
    [
      'a tool for one architecture',
      { ...valid, tools: { rie: { title: 'R', licence: 'MIT', file: 'r', builds: {} } } },
      'at tools.rie.builds.x64',
    ],
  ])('%s', (_, content, said) => {
    const store = createStore(entry);
    writeFileSync(store.location.catalog, typeof content === 'string' ? content : JSON.stringify(content));
    expect(() => readCatalog(store.location.catalog)).toThrow(
      expect.objectContaining({ code: 'malformed-catalog', message: expect.stringContaining(said) }),
    );
  });

  test('a missing file', () => {
    expect(() => readCatalog('/nonexistent/catalog.json')).toThrow(
      '/nonexistent/catalog.json cannot be read',
    );
  });

  test('before a change is written', async () => {
    const store = createStore(entry);
    const before = readFileSync(store.location.catalog, 'utf8');
    await expect(
      updateCatalog(store.location.catalog, (catalog) => ({ ...catalog, default: 'none' })),
    ).rejects.toThrow('at default');
    expect(readFileSync(store.location.catalog, 'utf8')).toBe(before);
    expect(readdirSync(store.directory).sort()).toEqual(['catalog.json', 'store']);
  });
});

test('changes at the same time are all kept', async () => {
  const { location } = createStore(entry);
  const add = (name: string) =>
    updateCatalog(location.catalog, (catalog) => {
      if (name === 'first') second = add('second');
      return { ...catalog, models: [...catalog.models, { ...entry, name }] };
    });
  let second: Promise<void> | undefined;
  await add('first');
  await second;
  expect(readCatalog(location.catalog).models.map(({ name }) => name)).toEqual(['tiny', 'first', 'second']);
});

describe('a name', () => {
  test('that is unknown is answered with those there are', () => {
    const catalog = readCatalog(createStore(entry).location.catalog);
    expect(() => findModel(catalog, 'nope')).toThrow('The catalog has no "nope". It has: tiny.');
  });

  test('of a tool is not one of a model', () => {
    expect(() => findModel(readCatalog(shipped), 'aws-lambda-rie')).toThrow(
      '"aws-lambda-rie" is a tool, not a model.',
    );
  });

  test('of a tool needs an architecture it is built for', () => {
    expect(() => findArtifact(readCatalog(shipped), 'aws-lambda-rie', 'riscv64')).toThrow(
      'expected x64 or arm64',
    );
  });
});

test('the store and its catalog are where the environment says', () => {
  const location = readStoreLocation({ MODEL_STORE: '/disk/store', MODEL_CATALOG: '/disk/catalog.json' });
  expect(location).toEqual({ root: '/disk/store', catalog: '/disk/catalog.json' });
  expect(readStoreLocation({}).root.endsWith(join('models', 'store'))).toBe(true);
});
