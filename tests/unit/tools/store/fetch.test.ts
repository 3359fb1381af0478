import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { readManifest } from '../../../../src/model/manifest.ts';
import { modelArtifact } from '../../../../tools/store/artifact.ts';
import { findModel, readCatalog } from '../../../../tools/store/catalog.ts';
import { ensureFreeSpace } from '../../../../tools/store/disk-space.ts';
import { toStoreError } from '../../../../tools/store/errors.ts';
import { fetchModel } from '../../../../tools/store/fetch-model.ts';
import { install } from '../../../../tools/store/install.ts';
import { writeManifest } from '../../../../tools/store/model-manifest-file.ts';
import { today } from '../../../../tools/store/pin-models.ts';
import { isStored, verifyStored } from '../../../../tools/store/stored.ts';
import { sha256Of, tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, failureOf, STORED_TINY } from './store-fixture.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, copyFile: vi.fn(real.copyFile) };
});

const bytes = tinyGguf();

/** A store whose one model comes from files beside it. */
function storeOf(files: Record<string, Buffer | string>, overrides = {}) {
  const store = createStore(entryFor(bytes, ['file:replaced']));
  const sources = Object.entries(files).map(([name, content]) => store.put(name, content));
  const model = entryFor(bytes, sources, overrides);
  store.setCatalog(model);
  return {
    ...store,
    model,
    artifact: modelArtifact(model),
    stored: join(store.location.root, 'tiny', 'tiny.gguf'),
  };
}

describe('fetching a model', () => {
  test('stores the verified file with its manifest and nothing else', async () => {
    const store = storeOf({ 'tiny.gguf': bytes });
    const fetched = await fetchModel(store.location, undefined, store.options);
    expect(store.contents()).toEqual(STORED_TINY);
    expect(readFileSync(store.stored)).toEqual(bytes);
    expect(fetched.sha256).toBe(sha256Of(bytes));
    expect(readManifest(fetched.directory)).toEqual({
      name: 'tiny',
      title: 'Tiny',
      file: 'tiny.gguf',
      sizeBytes: bytes.length,
      sha256: sha256Of(bytes),
      licence: 'MIT',
      parameters: 32,
      quantisation: 'Q8_0',
      contextLength: 2048,
      gguf: expect.objectContaining({ architecture: 'llama', chatTemplate: '{{ messages }}', causal: true }),
    });
  });

  test('takes a stored model without asking its source again', async () => {
    const store = storeOf({ 'tiny.gguf': bytes });
    await fetchModel(store.location, 'tiny', store.options);
    rmSync(join(store.directory, 'tiny.gguf'));
    expect((await fetchModel(store.location, 'tiny', store.options)).source).toBeNull();
  });

  test('stores all parts of a split model, hashed as one', async () => {
    const parts = [bytes, tinyGguf({ fill: 9 })];
    const store = storeOf({ 'big-00001-of-00002.gguf': bytes }, { sha256: null, sizeBytes: null });
    store.put('big-00002-of-00002.gguf', parts[1] ?? '');
    const whole = Buffer.concat(parts);
    const pinned = { ...store.model, sizeBytes: whole.length, sha256: sha256Of(whole) };
    store.setCatalog(pinned);
    const fetched = await fetchModel(store.location, 'tiny', store.options);
    expect(fetched.files).toEqual(['big-00001-of-00002.gguf', 'big-00002-of-00002.gguf']);
    expect(fetched.manifest.file).toBe('big-00001-of-00002.gguf');
  });

  test('two fetches at once both succeed and leave one model', async () => {
    const store = storeOf({ 'tiny.gguf': bytes });
    const fetches = [1, 2, 3].map(() => fetchModel(store.location, 'tiny', store.options));
    const hashes = (await Promise.all(fetches)).map((fetched) => fetched.sha256);
    expect(hashes).toEqual([sha256Of(bytes), sha256Of(bytes), sha256Of(bytes)]);
    expect(store.contents()).toEqual(STORED_TINY);
  });

  test('installs the files and the manifest where an image is built', async () => {
    const store = storeOf({ 'tiny.gguf': bytes });
    const target = join(store.directory, 'image', 'model');
    await install(await fetchModel(store.location, 'tiny', store.options), target, true);
    expect(readFileSync(join(target, readManifest(target).file))).toEqual(bytes);
  });
});

test('files are put into one directory at the same time by processes of one number', async () => {
  const store = storeOf({ 'tiny.gguf': bytes });
  const fetched = await fetchModel(store.location, 'tiny', store.options);
  const target = join(store.directory, 'image');
  const put = async () => {
    await install(fetched, target, true);
    await writeManifest(target, { ...fetched.manifest, title: randomUUID() });
  };
  await Promise.all(Array.from({ length: 8 }, put));
  expect(readdirSync(target)).toEqual(['model.json', 'tiny.gguf']);
  expect(readFileSync(join(target, 'tiny.gguf'))).toEqual(bytes);
});

describe('a model without a hash', () => {
  test('is pinned in the catalog to what came, and says so', async () => {
    const unchecked = {
      sha256: null,
      sizeBytes: null,
      approximateSizeBytes: 500,
      contextLength: 1,
      parameters: 1,
    };
    const store = storeOf({ 'tiny.gguf': bytes }, unchecked);
    await fetchModel(store.location, 'tiny', store.options);
    const model = findModel(readCatalog(store.location.catalog), 'tiny');
    const verified = { on: today(), by: 'file' as const };
    expect(model).toEqual(entryFor(bytes, store.model.sources, { verified }));
    expect(store.reports).toEqual([expect.stringContaining(`Pinned tiny to ${sha256Of(bytes)}`)]);
    expect(store.reports[0]).toContain('publishes no hash');
  });

  test('is not pinned to a file whose header cannot be read', async () => {
    const store = storeOf({ 'tiny.gguf': bytes.subarray(0, 40) }, { sha256: null, sizeBytes: null });
    expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
      code: 'not-gguf',
    });
    expect(findModel(readCatalog(store.location.catalog), 'tiny').sha256).toBeNull();
    expect(store.contents()).toEqual([]);
  });
});

describe('a source with the wrong file', () => {
  const altered = Buffer.from(bytes);
  altered[bytes.length - 1] = 0;
  test.each([
    ['not-gguf', Buffer.from('<!doctype html>'), 'begins with "<!do"'],
    ['wrong-size', bytes.subarray(0, 300), '300 bytes where 512 are expected'],
    ['wrong-size', Buffer.concat([bytes, bytes]), 'too long: 1024 bytes'],
    ['wrong-hash', altered, `${sha256Of(altered)} and ${sha256Of(bytes)} is expected`],
  ])('fails with %s in one line and leaves nothing', async (code, content, said) => {
    const store = storeOf({ 'tiny.gguf': content });
    const failure = await failureOf(fetchModel(store.location, 'tiny', store.options));
    expect(failure).toMatchObject({ name: 'StoreError', code, message: expect.stringContaining(said) });
    expect(failure.message).not.toContain('\n');
    expect(store.contents()).toEqual([]);
  });

  test('is passed over for the next one, with one line about it', async () => {
    const store = storeOf({ 'bad.gguf': altered, 'tiny.gguf': bytes });
    const fetched = await fetchModel(store.location, 'tiny', store.options);
    expect(fetched.source).toContain('tiny.gguf');
    expect(store.failures).toEqual([
      expect.stringMatching(/bad\.gguf is another file.*Trying the next source\.$/),
    ]);
    expect(store.contents()).toEqual(STORED_TINY);
  });

  test('that is gone is named', async () => {
    const store = storeOf({ 'tiny.gguf': bytes });
    rmSync(join(store.directory, 'tiny.gguf'));
    const failure = await failureOf(fetchModel(store.location, 'tiny', store.options));
    expect(failure).toMatchObject({
      code: 'source-gone',
      message: expect.stringContaining('there is no file'),
    });
  });

  // Root may read every file.
  test('that may not be read is named', async () => {
    const store = storeOf({ 'tiny.gguf': bytes });
    vi.mocked(copyFile).mockRejectedValueOnce(Object.assign(new Error('denied'), { code: 'EACCES' }));
    expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
      code: 'source-refused',
    });
  });
});

describe('a stored model', () => {
  test('that is damaged is named, although the store cannot be written to', async () => {
    const store = storeOf({ 'tiny.gguf': bytes });
    const { directory } = await fetchModel(store.location, 'tiny', store.options);
    truncateSync(join(directory, 'tiny.gguf'), 100);
    rmSync(join(store.location.root, '.parts'), { recursive: true });
    writeFileSync(join(store.location.root, '.parts'), '');

    expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
      code: 'source-failed',
      message: expect.stringContaining('.parts'),
    });
    expect(store.failures).toEqual([expect.stringMatching(/tiny\.gguf .*100 bytes/)]);
  });

  test.each([
    [
      'changed',
      (path: string) => writeFileSync(path, Buffer.concat([bytes.subarray(0, -1), Buffer.from('!')])),
      'wrong-hash',
    ],
    ['cut', (path: string) => truncateSync(path, 100), 'wrong-size'],
    ['grown', (path: string) => appendFileSync(path, '!'), 'wrong-size'],
    ['missing', (path: string) => rmSync(path), 'not-stored'],
  ])('that is %s is found out and fetched again', async (_, damage, code) => {
    const store = storeOf({ 'tiny.gguf': bytes });
    await fetchModel(store.location, 'tiny', store.options);
    expect(isStored(store.location.root, store.artifact)).toBe(true);
    damage(store.stored);
    expect(await failureOf(verifyStored(store.location.root, store.artifact, undefined))).toMatchObject({
      code,
    });
    if (code !== 'wrong-hash') expect(isStored(store.location.root, store.artifact)).toBe(false);
    const fetched = await fetchModel(store.location, 'tiny', store.options);
    expect(fetched.source).not.toBeNull();
    expect(store.failures).toEqual([expect.stringContaining('Fetching it again.')]);
    expect(readFileSync(store.stored)).toEqual(bytes);
    expect(store.contents()).toEqual(STORED_TINY);
  });

  test.each([
    ['the microseconds of a copy', 0.000_5, true],
    ['the milliseconds of a write', 0.002, false],
  ])('whose time of modification differs by %s is stored still: %s s, %s', async (_, seconds, expected) => {
    const store = storeOf({ 'tiny.gguf': bytes });
    await fetchModel(store.location, 'tiny', store.options);
    const modified = statSync(store.stored).mtimeMs / 1000;
    utimesSync(store.stored, modified, modified - seconds);
    expect(isStored(store.location.root, store.artifact)).toBe(expected);
  });

  test('gets its manifest back when that is lost', async () => {
    const store = storeOf({ 'tiny.gguf': bytes });
    const { directory } = await fetchModel(store.location, 'tiny', store.options);
    rmSync(join(directory, 'model.json'));
    await fetchModel(store.location, 'tiny', store.options);
    expect(readManifest(directory).sha256).toBe(sha256Of(bytes));
  });

  test('no longer counts as stored when the catalog pins another hash', async () => {
    const store = storeOf({ 'tiny.gguf': bytes });
    await fetchModel(store.location, 'tiny', store.options);
    const other = modelArtifact({ ...store.model, sha256: sha256Of(Buffer.from('other')) });
    expect(isStored(store.location.root, other)).toBe(false);
  });

  test('that never was is named with what to run', async () => {
    const store = storeOf({ 'tiny.gguf': bytes });
    const failure = await failureOf(verifyStored(store.location.root, store.artifact, undefined));
    expect(failure).toMatchObject({
      code: 'not-stored',
      message: expect.stringContaining('model -- fetch tiny'),
    });
  });
});

describe('a full disk', () => {
  test('is foreseen', async () => {
    const failure = await failureOf(ensureFreeSpace('/', 2 ** 60, 'tiny'));
    expect(failure).toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(/it needs 1152921\.5 TB, and the disk has [\d.]+ \wB left/),
    });
  });

  test('is said once, without asking further sources', async () => {
    const store = storeOf({ 'a.gguf': bytes, 'b.gguf': bytes }, { sizeBytes: 2 ** 52 });
    expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
      code: 'disk-full',
    });
    expect(store.failures).toEqual([]);
    expect(store.contents()).toEqual([]);
  });

  test('is told from other failures of a write', async () => {
    const failure = await failureOf(writeToFullDevice());
    expect(toStoreError(failure, 'interrupted', 'tiny')).toMatchObject({ code: 'disk-full' });
  });
});

/** The kernel's own ENOSPC: https://man7.org/linux/man-pages/man4/full.4.html */
async function writeToFullDevice(): Promise<void> {
  if (process.platform !== 'linux') throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  writeFileSync('/dev/full', 'x');
}
