// https: and hf: through the real downloader, against a server of this process.
import { readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { findModel, readCatalog } from '../../../../tools/store/catalog.ts';
import { fetchModel } from '../../../../tools/store/fetch-model.ts';
import { pinModels, today } from '../../../../tools/store/pin-models.ts';
import { type Answer, isProbe, serve, serveUntil, startServer } from './file-server.ts';
import { sha256Of, tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, failureOf, STORED_TINY } from './store-fixture.ts';

vi.setConfig({ testTimeout: 60_000 });

const MEGABYTE = 1024 * 1024;
const bytes = tinyGguf();
const large = tinyGguf({ sizeBytes: 12 * MEGABYTE });

beforeEach(() => {
  for (const name of ['MODEL_ENDPOINT', 'HF_ENDPOINT', 'HF_TOKEN', 'HF_TOKEN_PATH']) vi.stubEnv(name, '');
  vi.stubEnv('HF_HOME', '/nonexistent');
});
afterEach(() => vi.unstubAllEnvs());

/** A store with a large model whose first fetch falls silent after 11 of its 12 MiB. */
async function interruptedDownload() {
  let answer: Answer = serveUntil(large, 11 * MEGABYTE);
  const server = await startServer({ '/tiny.gguf': (request, response) => answer(request, response) });
  const store = createStore(entryFor(large, [`${server.origin}/tiny.gguf`]));
  const first = fetchModel(store.location, 'tiny', { ...store.options, stallMilliseconds: 300 });
  const failure = await failureOf(first);
  server.requests.length = 0;
  const answerWith = (next: Answer) => {
    answer = next;
  };
  return { server, store, failure, answerWith };
}

describe('https:', () => {
  test('downloads and verifies a file', async () => {
    const { origin } = await startServer({ '/tiny.gguf': serve(bytes) });
    const store = createStore(entryFor(bytes, [`${origin}/tiny.gguf?download=true`]));
    await fetchModel(store.location, 'tiny', store.options);
    expect(store.contents()).toEqual(STORED_TINY);
    expect(readFileSync(join(store.location.root, 'tiny', 'tiny.gguf'))).toEqual(bytes);
  });

  test('removes what the downloader has noted behind the file after its own cut', async () => {
    await using anyFile = await open(import.meta.filename);
    const handles = Object.getPrototypeOf(anyFile) as FileHandle;
    const { truncate } = handles;
    const cut = vi.spyOn(handles, 'truncate').mockImplementation(async function (this: FileHandle, size = 0) {
      await truncate.call(this, size);
      await this.write(Buffer.from('{"chunks":[1]}'), 0, 14, size);
    });
    onTestFinished(() => cut.mockRestore());
    const { origin } = await startServer({ '/tiny.gguf': serve(bytes) });
    const store = createStore(entryFor(bytes, [`${origin}/tiny.gguf`]));

    await fetchModel(store.location, 'tiny', store.options);

    expect(cut).toHaveBeenCalled();
    expect(readFileSync(join(store.location.root, 'tiny', 'tiny.gguf'))).toEqual(bytes);
  });

  test('reports bytes as they arrive', async () => {
    const { origin } = await startServer({ '/tiny.gguf': serve(large) });
    const store = createStore(entryFor(large, [`${origin}/tiny.gguf`]));
    const onProgress = vi.fn();
    await fetchModel(store.location, 'tiny', { ...store.options, onProgress });
    const [first] = onProgress.mock.calls[0] ?? [];
    expect(first.transferredBytes).toBeLessThan(large.length);
    expect(onProgress).toHaveBeenLastCalledWith({ transferredBytes: large.length, totalBytes: large.length });
  });

  test('downloads every part of a split model', async () => {
    const second = tinyGguf({ fill: 9 });
    const whole = Buffer.concat([bytes, second]);
    const answers = { '/m-00001-of-00002.gguf': serve(bytes), '/m-00002-of-00002.gguf': serve(second) };
    const { origin } = await startServer(answers);
    const store = createStore(entryFor(whole, [`${origin}/m-00001-of-00002.gguf`]));
    const fetched = await fetchModel(store.location, 'tiny', store.options);
    expect(fetched.files).toEqual(['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf']);
  });

  test('continues an interrupted download where it stopped', async () => {
    const { server, store, failure, answerWith } = await interruptedDownload();
    expect(failure).toMatchObject({
      code: 'interrupted',
      message: expect.stringContaining('no byte arrived'),
    });
    answerWith(serve(large));
    await fetchModel(store.location, 'tiny', store.options);
    const ranges = server.requests.map((request) => request.range).filter((range) => range !== 'bytes=0-0');
    expect(ranges.some((range) => range?.startsWith(`bytes=${10 * MEGABYTE}-`))).toBe(true);
    expect(ranges.some((range) => range?.startsWith('bytes=0-'))).toBe(false);
    expect(readFileSync(join(store.location.root, 'tiny', 'tiny.gguf')).equals(large)).toBe(true);
    expect(store.contents()).toEqual(STORED_TINY);
  });

  test('downloads once what two fetch at the same time, and says that the second waits', async () => {
    const waits = Promise.withResolvers<void>();
    const { origin } = await startServer({
      '/tiny.gguf': (request, response) => void waits.promise.then(() => serve(bytes)(request, response)),
    });
    const store = createStore(entryFor(bytes, [`${origin}/tiny.gguf`]));
    const first = fetchModel(store.location, 'tiny', store.options);
    const report = vi.fn(() => waits.resolve());
    const second = await fetchModel(store.location, 'tiny', { ...store.options, report });
    expect((await first).source).toBe(`${origin}/tiny.gguf`);
    expect(second.source).toBeNull();
    expect(report.mock.calls).toEqual([
      [`tiny is being fetched or removed by process ${process.pid}: waiting until it ends.`],
    ]);
    expect(store.contents()).toEqual(STORED_TINY);
  });

  test('begins anew when the file has changed since', async () => {
    const { server, store, answerWith } = await interruptedDownload();
    answerWith(serve(large, '"2"'));
    await fetchModel(store.location, 'tiny', store.options);
    const ranges = server.requests.map((request) => request.range);
    expect(ranges.some((range) => range?.startsWith('bytes=0-') && range !== 'bytes=0-0')).toBe(true);
    expect(store.contents()).toEqual(STORED_TINY);
  });

  test('cleans a continued download that turns out wrong', async () => {
    const { store, answerWith } = await interruptedDownload();
    const other = Buffer.from(large);
    other[other.length - 1] = 0;
    answerWith(serve(other));
    expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
      code: 'wrong-hash',
    });
    expect(store.contents()).toEqual([]);
  });

  test('keeps what arrived when the caller stops', async () => {
    const stop = new AbortController();
    const answer = serveUntil(large, 11 * MEGABYTE);
    const { origin } = await startServer({ '/tiny.gguf': answer });
    const store = createStore(entryFor(large, [`${origin}/tiny.gguf`]));
    const options = { ...store.options, signal: stop.signal, onProgress: () => stop.abort() };
    expect(await failureOf(fetchModel(store.location, 'tiny', options))).toMatchObject({
      code: 'interrupted',
    });
    expect(store.contents().filter((path) => !path.startsWith('.parts'))).toEqual([]);
    expect(store.contents().at(-1)).toMatch(/^\.parts\/tiny\/[0-9a-f]+\/source-version$/);
  });

  test('survives a connection that drops half-way', async () => {
    let drops = 0;
    const { origin } = await startServer({
      '/tiny.gguf': (request, response) => {
        if (isProbe(request) || drops > 0 || !request.headers.range) return serve(large)(request, response);
        drops++;
        serveUntil(large, MEGABYTE)(request, response);
        response.destroy();
      },
    });
    const store = createStore(entryFor(large, [`${origin}/tiny.gguf`]));
    const fetched = await fetchModel(store.location, 'tiny', store.options);
    expect(drops).toBe(1);
    expect(fetched.sha256).toBe(sha256Of(large));
  });

  test.each([
    [404, 'source-gone'],
    [410, 'source-gone'],
    [401, 'source-refused'],
    [403, 'source-refused'],
    [503, 'interrupted'],
  ])('a server that answers %i fails at once with %s', async (status, code) => {
    const { origin } = await startServer({ '/tiny.gguf': (_, response) => response.writeHead(status).end() });
    const store = createStore(entryFor(bytes, [`${origin}/tiny.gguf`]));
    const failure = await failureOf(fetchModel(store.location, 'tiny', store.options));
    expect(failure).toMatchObject({ code, message: expect.stringContaining(`answered ${status}`) });
    expect(store.contents()).toEqual([]);
  });

  test('a dead host fails at once, and the next source is tried', async () => {
    const dead = await startServer({});
    await dead.close();
    const alive = await startServer({ '/tiny.gguf': serve(bytes) });
    const store = createStore(entryFor(bytes, [`${dead.origin}/tiny.gguf`, `${alive.origin}/tiny.gguf`]));
    await fetchModel(store.location, 'tiny', store.options);
    expect(store.failures).toEqual([
      expect.stringMatching(/cannot be reached: .*ECONNREFUSED.*next source\.$/),
    ]);
    expect(store.contents()).toEqual(STORED_TINY);
  });

  test('a host that cannot be reached leaves nothing behind', async () => {
    const dead = await startServer({});
    await dead.close();
    const store = createStore(entryFor(bytes, [`${dead.origin}/tiny.gguf`]));
    expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
      code: 'interrupted',
    });
    expect(store.contents()).toEqual([]);
  });

  test('a file of another size is refused before it is downloaded', async () => {
    const { origin, requests } = await startServer({ '/tiny.gguf': serve(large) });
    const store = createStore(entryFor(bytes, [`${origin}/tiny.gguf`]));
    expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
      code: 'wrong-size',
    });
    expect(requests).toHaveLength(1);
  });

  test('a file that cannot fit on the disk is refused before it is downloaded', async () => {
    const { origin } = await startServer({
      '/tiny.gguf': (_, response) =>
        response.writeHead(206, { 'content-range': `bytes 0-0/${2 ** 52}` }).end('G'),
    });
    const store = createStore(entryFor(bytes, [`${origin}/tiny.gguf`], { sha256: null, sizeBytes: null }));
    expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
      code: 'disk-full',
    });
    expect(store.contents()).toEqual([]);
  });

  test.each(['http://example.com/tiny.gguf', 'https://example.com/'])(
    '%s is refused unasked',
    async (uri) => {
      const store = createStore(entryFor(bytes, [uri]));
      expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
        code: 'unusable-source',
      });
    },
  );
});

describe('hf:', () => {
  const PATH = '/user/model-GGUF/resolve/main/tiny.gguf';
  const uri = 'hf:user/model-GGUF/tiny.gguf';

  /** A hub that redirects to storage elsewhere, as the real one does, and publishes a hash on the way. */
  async function startHub(stored: Buffer, published: string, path = PATH) {
    const storage = await startServer({ '/blob': serve(stored) });
    const headers = {
      location: `${storage.origin}/blob`,
      'x-linked-etag': `"${published}"`,
      'x-linked-size': stored.length,
    };
    const hub = await startServer({ [path]: (_, response) => response.writeHead(302, headers).end() });
    vi.stubEnv('HF_ENDPOINT', hub.origin);
    return { storage, hub };
  }

  test('pins an unchecked model to the hash the hub publishes', async () => {
    await startHub(bytes, sha256Of(bytes));
    const store = createStore(entryFor(bytes, [uri], { sha256: null, sizeBytes: null }));
    await fetchModel(store.location, 'tiny', store.options);
    expect(findModel(readCatalog(store.location.catalog), 'tiny').sha256).toBe(sha256Of(bytes));
    expect(store.reports).toEqual([expect.stringContaining('the SHA-256 its source publishes')]);
  });

  test('pin takes what the hub publishes, and the day, without a download', async () => {
    const { storage } = await startHub(bytes, sha256Of(bytes));
    const unchecked = { sha256: null, sizeBytes: null, approximateSizeBytes: 1 };
    const store = createStore(
      entryFor(bytes, [uri], unchecked),
      entryFor(bytes, ['pypi:tiny==1#tiny.gguf'], { ...unchecked, name: 'elsewhere' }),
    );

    expect(await pinModels(store.location, store.options)).toBe(1);
    const { models } = readCatalog(store.location.catalog);
    expect(models[0]).toEqual(entryFor(bytes, [uri], { verified: { on: today(), by: 'source' } }));
    expect(models[1]).toMatchObject({ name: 'elsewhere', sha256: null });
    expect(store.reports).toEqual([expect.stringContaining(`Pinned tiny to ${sha256Of(bytes)}`)]);
    expect(store.failures).toEqual(['elsewhere is not pinned: none of its sources publishes a SHA-256.']);
    expect(storage.requests.map(({ range }) => range)).toEqual(['bytes=0-0']);
  });

  test('pin refuses a split model, whose parts have a hash each', async () => {
    const file = 'tiny-00001-of-00003.gguf';
    await startHub(bytes, sha256Of(bytes), PATH.replace('tiny.gguf', file));
    const split = `hf:user/model-GGUF/${file}`;
    const store = createStore(entryFor(bytes, [split], { sha256: null, sizeBytes: null }));

    expect(await pinModels(store.location, store.options)).toBe(1);
    expect(findModel(readCatalog(store.location.catalog), 'tiny').sha256).toBeNull();
    expect(store.failures).toEqual([
      `tiny is not pinned: ${split} has 3 parts with a hash each: 'npm run model -- fetch tiny' pins the model by downloading it.`,
    ]);
  });

  test('does not pin a file that differs from what the hub publishes', async () => {
    await startHub(bytes, sha256Of(large));
    const store = createStore(entryFor(bytes, [uri], { sha256: null, sizeBytes: null }));
    const failure = await failureOf(fetchModel(store.location, 'tiny', store.options));
    expect(failure).toMatchObject({ code: 'wrong-hash', message: expect.stringContaining(sha256Of(large)) });
    expect(findModel(readCatalog(store.location.catalog), 'tiny').sha256).toBeNull();
    expect(store.contents()).toEqual([]);
  });

  test('refuses another hash than the pinned one before it downloads', async () => {
    const { storage } = await startHub(bytes, sha256Of(large));
    const store = createStore(entryFor(bytes, [uri]));
    const failure = await failureOf(fetchModel(store.location, 'tiny', store.options));
    expect(failure).toMatchObject({
      code: 'wrong-hash',
      message: expect.stringContaining('the hub has SHA-256'),
    });
    expect(storage.requests).toHaveLength(1);
  });

  test('shows its token to the hub alone', async () => {
    vi.stubEnv('HF_TOKEN', 'secret');
    const { hub, storage } = await startHub(bytes, sha256Of(bytes));
    const store = createStore(entryFor(bytes, [uri]));
    await fetchModel(store.location, 'tiny', store.options);
    expect(hub.requests[0]?.authorization).toBe('Bearer secret');
    expect(storage.requests.map((request) => request.authorization)).not.toContain('Bearer secret');
  });

  test('without a file in the URI is refused with what is expected', async () => {
    const store = createStore(entryFor(bytes, ['hf:user/model-GGUF:Q4_K_M']));
    const failure = await failureOf(fetchModel(store.location, 'tiny', store.options));
    expect(failure).toMatchObject({
      code: 'unusable-source',
      message: expect.stringContaining('hf:user/model/file.gguf'),
    });
  });
});
