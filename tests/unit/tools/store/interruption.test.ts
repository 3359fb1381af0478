// Ctrl-C while files are hashed, or while another process has the model: it ends at once, and nothing is taken for damaged.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { fetchModel } from '../../../../tools/store/fetch-model.ts';
import { claimPartDirectory } from '../../../../tools/store/part-directory.ts';
import { sha256Of, tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, failureOf, STORED_TINY } from './store-fixture.ts';

vi.setConfig({ testTimeout: 60_000 });

const CLI = fileURLToPath(new URL('../../../../tools/model/cli.ts', import.meta.url));
const bytes = tinyGguf();

test('a stored model stays, and is not fetched anew', async () => {
  const store = createStore(entryFor(bytes, ['file:replaced']));
  const model = entryFor(bytes, [store.put('tiny.gguf', bytes)]);
  store.setCatalog(model);
  await fetchModel(store.location, 'tiny', store.options);
  const options = { ...store.options, signal: AbortSignal.abort() };
  expect(await failureOf(fetchModel(store.location, 'tiny', options))).toMatchObject({ code: 'interrupted' });
  expect(store.failures).toEqual([]);
  expect(store.contents()).toEqual(STORED_TINY);
});

test.skipIf(process.platform !== 'linux').each([['verify'], ['fetch']])(
  '%s ends with one line and exit code 130',
  async (command) => {
    const sizeBytes = 40e9; // Sparse: it takes no room, and most of a minute to hash.
    const store = createStore(entryFor(bytes, ['file:/nonexistent'], { sizeBytes }));
    const directory = join(store.location.root, 'tiny');
    mkdirSync(directory);
    writeFileSync(join(directory, 'tiny.gguf'), bytes);
    truncateSync(join(directory, 'tiny.gguf'), sizeBytes);
    const files = [{ name: 'tiny.gguf', sizeBytes, modifiedMilliseconds: 0 }];
    const record = { source: 'file:/nonexistent', sizeBytes, sha256: sha256Of(bytes), files };
    writeFileSync(join(directory, '.verified.json'), JSON.stringify(record));
    const env = { ...process.env, MODEL_STORE: store.location.root, MODEL_CATALOG: store.location.catalog };
    const child = spawn(process.execPath, [CLI, command], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const closed = once(child, 'close');
    while (!hasOpen(child.pid, join(directory, 'tiny.gguf'))) await wait(20);
    await wait(200);
    const interruptedAt = performance.now();
    child.kill('SIGINT');
    expect(await closed).toEqual([130, null]);
    expect(performance.now() - interruptedAt).toBeLessThan(20_000);
    expect(errors).toMatch(/^[^\n]*tiny\.gguf: interrupted while it was verified\.\n$/);
  },
);

test.each([
  ['fetch', []],
  ['rm', ['tiny']],
])('%s that waits for another process ends with one line and exit code 130', async (command, args) => {
  const store = createStore(entryFor(bytes, ['file:/nonexistent']));
  const { release } = await claimPartDirectory(store.location.root, 'tiny', store.options);
  onTestFinished(release);
  const env = { ...process.env, MODEL_STORE: store.location.root, MODEL_CATALOG: store.location.catalog };
  const child = spawn(process.execPath, [CLI, command, ...args], { env });
  const errors = child.stderr.setEncoding('utf8').toArray();
  const closed = once(child, 'close');
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  child.kill('SIGINT');
  expect(await closed).toEqual([130, null]);
  const holder = `process ${process.pid}`;
  expect(line).toBe(`tiny is being fetched or removed by ${holder}: waiting until it ends.\n`);
  expect((await errors).join('')).toBe(`tiny: interrupted while it waited for ${holder}.\n`);
});

function hasOpen(pid: number | undefined, path: string): boolean {
  const descriptors = `/proc/${pid}/fd`;
  try {
    return readdirSync(descriptors).some(
      (descriptor) => readlinkSync(join(descriptors, descriptor)) === path,
    );
  } catch {
    return false; // A descriptor was closed meanwhile.
  }
}
