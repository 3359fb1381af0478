// A disk with little room: what is on it already of a download need not fit again, and is never lost.
import { statfs } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { fetchModel } from '../../../../tools/store/fetch-model.ts';
import { type Answer, serve, serveUntil, startServer } from './file-server.ts';
import { tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, failureOf, STORED_TINY } from './store-fixture.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, statfs: vi.fn(real.statfs) };
});
vi.setConfig({ testTimeout: 60_000 });

const MEGABYTE = 1024 * 1024;
const large = tinyGguf({ sizeBytes: 12 * MEGABYTE });

function leaveFree(bytes: number) {
  vi.mocked(statfs).mockResolvedValue({ bavail: bytes, bsize: 1 } as never);
}

/** A store whose download fell silent with 2 of its 12 MiB missing. */
async function interruptedDownload() {
  let answer: Answer = serveUntil(large, 11 * MEGABYTE);
  const { origin } = await startServer({ '/tiny.gguf': (request, response) => answer(request, response) });
  const store = createStore(entryFor(large, [`${origin}/tiny.gguf`]));
  leaveFree(1000 * MEGABYTE);
  await failureOf(fetchModel(store.location, 'tiny', { ...store.options, stallMilliseconds: 300 }));
  answer = serve(large);
  return store;
}

test('a download is continued where only its rest fits', async () => {
  const store = await interruptedDownload();
  leaveFree(3 * MEGABYTE);
  await fetchModel(store.location, 'tiny', store.options);
  expect(store.contents()).toEqual(STORED_TINY);
});

test('a partial download is kept when its rest does not fit', async () => {
  const store = await interruptedDownload();
  const before = store.contents();
  leaveFree(MEGABYTE / 2);
  expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
    code: 'disk-full',
  });
  expect(store.contents()).toEqual(before);
  expect(before.some((path) => path.startsWith('.parts/tiny/'))).toBe(true);
});
