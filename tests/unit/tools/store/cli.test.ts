// The command line as a process: exit codes, and one line on stderr for each failure.
import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { readManifest } from '../../../../src/model/manifest.ts';
import { findModel, readCatalog } from '../../../../tools/store/catalog.ts';
import { sha256Of, tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, LINKED_TINY, STORED_TINY } from './store-fixture.ts';

vi.setConfig({ testTimeout: 60_000 });

const CLI = fileURLToPath(new URL('../../../../tools/model/cli.ts', import.meta.url));
const bytes = tinyGguf();

/** A store with the model `tiny` and the tool `tool`, and its command line. */
function createCli(files: Record<string, Buffer> = { 'tiny.gguf': bytes }) {
  const store = createStore(entryFor(bytes, ['file:replaced']));
  const sources = Object.entries(files).map(([name, content]) => store.put(name, content));
  const binary = Buffer.from('#!/bin/sh\n');
  const build = {
    sizeBytes: binary.length,
    sha256: sha256Of(binary),
    sources: [store.put('binary', binary)],
  };
  const tools = {
    tool: { title: 'Tool', licence: 'MIT', file: 'tool', builds: { x64: build, arm64: build } },
  };
  const models = [
    entryFor(bytes, sources),
    entryFor(bytes, sources, { name: 'unchecked', sha256: null, sizeBytes: null }),
  ];
  writeFileSync(store.location.catalog, JSON.stringify({ default: 'tiny', models, tools }));
  const env = { ...process.env, MODEL_STORE: store.location.root, MODEL_CATALOG: store.location.catalog };
  const runIn =
    (variables: Readonly<Record<string, string>>) =>
    (...args: string[]) =>
      new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
        const options = { env: { ...env, ...variables } };
        execFile(process.execPath, [CLI, ...args], options, (error, stdout, stderr) => {
          resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
        });
      });
  return { ...store, run: runIn({}), runIn };
}

test('fetch brings the default model, and verifies it the second time', async () => {
  const { run, contents } = createCli();
  expect(await run('fetch')).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/^Fetched from file:/),
  });
  expect(contents()).toEqual([...LINKED_TINY, ...STORED_TINY]);
  const second = await run('fetch');
  expect(second.stdout).toMatch(/^In the store already: .* verified\.\n$/);
});

test('fetch --to puts the model and its manifest where an image is built', async () => {
  const { run, directory } = createCli();
  const target = join(directory, 'image');
  expect((await run('fetch', 'tiny', '--to', target)).code).toBe(0);
  expect(readFileSync(join(target, 'tiny.gguf'))).toEqual(bytes);
  expect(JSON.parse(readFileSync(join(target, 'model.json'), 'utf8'))).toMatchObject({ file: 'tiny.gguf' });
  expect(existsSync(join(target, '.verified.json'))).toBe(false);
});

test('fetch links the default model for image builds, and use links another one', async () => {
  const { run, location } = createCli();
  await run('fetch', 'unchecked');
  const links = join(location.root, '.default');
  expect(existsSync(links)).toBe(false);
  await run('fetch');
  const inodes = ['.default', 'tiny'].map((folder) => statSync(join(location.root, folder, 'tiny.gguf')).ino);
  expect(inodes[0]).toBe(inodes[1]);
  expect(statSync(links).mode & 0o777).toBe(0o755);

  await run('use', 'unchecked');
  expect(JSON.parse(readFileSync(join(links, 'model.json'), 'utf8'))).toMatchObject({ name: 'unchecked' });
  await run('add', '--no-check', `file:${join(location.root, 'tiny/tiny.gguf')}`, '--name', 'third');
  rmSync(join(location.root, 'third'), { recursive: true });
  await run('use', 'third');
  expect(existsSync(links)).toBe(false);
});

describe('fetch --to, where the store’s folder of a model was copied to', () => {
  /** A command line whose store is elsewhere by now, and the copy. */
  async function createCopied() {
    const cli = createCli();
    await cli.run('fetch');
    const copy = join(cli.directory, 'image');
    cpSync(join(cli.location.root, '.default'), copy, { recursive: true });
    rmSync(cli.location.root, { recursive: true });
    return { ...cli, copy };
  }

  test('verifies the copy, and fetches nothing', async () => {
    const { run, copy, location } = await createCopied();
    rmSync(join(copy, 'model.json'));
    expect(await run('fetch', '--to', copy, '--pinned')).toEqual({
      code: 0,
      stdout: `Verified in ${copy}: 512 bytes, SHA-256 ${sha256Of(bytes)}.\n`,
      stderr: '',
    });
    expect(JSON.parse(readFileSync(join(copy, 'model.json'), 'utf8'))).toMatchObject({ name: 'tiny' });
    expect(existsSync(location.root)).toBe(false);
  });

  test('replaces a copy that is not as it should be', async () => {
    const { run, copy } = await createCopied();
    writeFileSync(join(copy, 'tiny.gguf'), tinyGguf({ fill: 9 }));
    const { code, stdout, stderr } = await run('fetch', '--to', copy, '--pinned');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^[^\n]+ is another file: [^\n]+ Fetching tiny instead\.\n$/);
    expect(stdout).toMatch(/^Fetched from file:/);
    expect(readFileSync(join(copy, 'tiny.gguf'))).toEqual(bytes);
    expect(readdirSync(copy).sort()).toEqual(['model.json', 'tiny.gguf']);
  });
});

test('fetch --pinned brings what the catalog has a hash of, and nothing else until that is fetched', async () => {
  const { run, contents } = createCli();
  expect(await run('fetch', 'unchecked', '--pinned')).toEqual({
    code: 1,
    stdout: '',
    stderr:
      "unchecked has no pinned hash to verify it against: run 'npm run model -- fetch unchecked', commit models/catalog.json, and build again.\n",
  });
  expect(contents()).toEqual([]);
  for (const args of [
    ['fetch', '--pinned'],
    ['fetch', 'tool', '--pinned'],
    ['fetch', 'unchecked'],
  ]) {
    expect(await run(...args)).toMatchObject({ code: 0, stderr: '' });
  }
  expect((await run('fetch', 'unchecked', '--pinned')).code).toBe(0);
});

test('prefixes has what evaluates them set up first, and ends where that fails', () => {
  const checkout = mkdtempSync(join(tmpdir(), 'checkout-'));
  onTestFinished(() => rmSync(checkout, { recursive: true }));
  const project = fileURLToPath(new URL('../../../../', import.meta.url));
  for (const folder of ['src', 'tools']) {
    cpSync(join(project, folder), join(checkout, folder), { recursive: true });
  }
  symlinkSync(join(project, 'node_modules'), join(checkout, 'node_modules'));
  const setUp = "console.error('setup:', process.argv[2]); process.exit(1);";
  writeFileSync(join(checkout, 'tools/setup.mjs'), setUp);
  mkdirSync(join(checkout, 'models/prefixes'), { recursive: true });
  writeFileSync(join(checkout, 'models/prefixes/rules.txt'), 'Be kind.');

  const { status, stderr } = spawnSync(process.execPath, [join(checkout, 'tools/model/cli.ts'), 'prefixes'], {
    encoding: 'utf8',
  });

  expect({ status, stderr }).toEqual({ status: 1, stderr: 'setup: engine\n' });
});

test('prefixes refuses a folder that is not there, as a mistyped PREFIX_SET names', async () => {
  const { run } = createCli();
  expect(await run('prefixes', '--from', '/nonexistent')).toEqual({
    code: 1,
    stdout: '',
    stderr:
      '/nonexistent cannot be read as a folder of prefixes (ENOENT). Name a folder with *.txt and *.json files, such as models/prefixes.\n',
  });
});

test('prefixes loads nothing where there are none', async () => {
  const { run, location } = createCli();
  const { code, stdout } = await run('prefixes', '--from', location.root);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${location.root} has no prefixes.\n` });
});

test('fetch of a tool stores an executable for the architecture', async () => {
  const { run, location, contents } = createCli();
  expect((await run('fetch', 'tool', '--arch', 'arm64')).code).toBe(0);
  expect(contents()).toEqual(['tool-arm64', 'tool-arm64/.verified.json', 'tool-arm64/tool']);
  expect(statSync(join(location.root, 'tool-arm64', 'tool')).mode & 0o777).toBe(0o755);
  expect(await run('verify', 'tool', '--arch', 'arm64')).toMatchObject({ code: 0, stderr: '' });
});

test('list and show tell what is pinned, stored and the default', async () => {
  const { run } = createCli();
  await run('fetch');
  const rows = (await run('list')).stdout.split('\n');
  expect(rows[1]).toMatch(/^\* {2}tiny +32 +Q8_0 +512 B +2048 +MIT +pinned +yes$/);
  expect(rows[2]).toMatch(/^ {3}unchecked .* not yet checked +no$/);
  expect((await run('show', 'unchecked')).stdout).toMatch(/sha256 +not yet checked: the first fetch pins it/);
});

test('add enters a model by its header, pinned and stored; use makes it the default', async () => {
  const { run, put, location } = createCli();
  const uri = put('New Model.Q8_0.gguf', tinyGguf({ fill: 3, contextLength: 4096 }));
  const added = await run('add', '--no-check', uri);
  expect(added).toMatchObject({ code: 0, stderr: '' });
  expect(added.stdout).toContain('llama, 32 parameters, Q8_0, 4096 tokens of context, licence unknown');
  expect(added.stdout).toMatch(/\nsystem messages +/);
  expect(findModel(readCatalog(location.catalog), 'new-model.q8_0')).toMatchObject({
    title: 'Tiny',
    contextLength: 4096,
    sha256: sha256Of(tinyGguf({ fill: 3, contextLength: 4096 })),
    sources: [uri],
  });
  expect((await run('use', 'new-model.q8_0')).code).toBe(0);
  expect((await run('verify')).stdout).toMatch(/^new-model\.q8_0 is verified: /);
});

describe('a model without a chat template', () => {
  const plain = tinyGguf({ chatTemplate: '', fill: 5 });

  test('is told by add, with what to do', async () => {
    const { run, put } = createCli();
    const { stdout } = await run('add', '--no-check', put('plain.gguf', plain));
    expect(stdout).toMatch(/It has no chat template, .*--chat-template of add.*CHAT_TEMPLATE.*llama2/);
  });

  test('gets one by its name, in its entry and its manifest', async () => {
    const { run, put, location } = createCli();
    const source = put('plain.gguf', plain);
    const { stdout } = await run('add', '--no-check', source, '--chat-template', 'llama2-sys-bos');
    expect(stdout).toContain('  [INST] <<SYS>>');
    expect(findModel(readCatalog(location.catalog), 'plain').chatTemplate).toBe('llama2-sys-bos');
    expect(readManifest(join(location.root, 'plain')).chatTemplate).toBe('llama2-sys-bos');
    expect((await run('show', 'plain')).stdout).toMatch(/chat template +llama2-sys-bos/);
  });

  test('gets one of a file, whose text is in the manifest', async () => {
    const { runIn, put, directory, location } = createCli();
    put('own.jinja', '{{ messages[-1].content }}');
    put('plain.gguf', plain);
    const { stdout } = await runIn({ INIT_CWD: directory })(
      'add',
      './plain.gguf',
      '--chat-template',
      './own.jinja',
    );
    expect(findModel(readCatalog(location.catalog), 'plain').chatTemplate).toBe('own.jinja');
    expect(readManifest(join(location.root, 'plain')).chatTemplate).toBe('{{ messages[-1].content }}');
    // The file has a header and no weights.
    expect(stdout).toMatch(/^It was not asked three questions: .+/m);
    expect(stdout).toMatch(/^system messages +/m);
  });

  test('is not fetched for a template that is not there', async () => {
    const { run, put, location } = createCli();
    const added = await run('add', put('plain.gguf', plain), '--chat-template', '/nowhere/own.jinja');
    expect(added).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('own.jinja cannot be read'),
    });
    expect(existsSync(join(location.root, 'plain'))).toBe(false);
  });
});

test('add says which limit a template exceeds', async () => {
  const { run, put } = createCli();
  const loops = '{% for i in range(99) %}'.repeat(9) + '{% endfor %}'.repeat(9);
  const { stdout } = await run(
    'add',
    '--no-check',
    put('endless.gguf', tinyGguf({ chatTemplate: loops, sizeBytes: 2048 })),
  );
  expect(stdout).toContain('Its chat template cannot be used: ');
  expect(stdout).toContain('it takes too long');
});

test('check asks for a stored model', async () => {
  const { run } = createCli();
  const { code, stderr } = await run('check', 'tiny');
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'tiny is not stored. Run: npm run model -- fetch tiny\n',
  });
});

test('add takes a path, from the folder where npm was called', async () => {
  const { put, runIn, directory, location } = createCli();
  put('plain.gguf', tinyGguf({ fill: 4 }));
  const added = await runIn({ INIT_CWD: directory })('add', '--no-check', './plain.gguf');
  expect(added).toMatchObject({ code: 0, stderr: '' });
  expect(findModel(readCatalog(location.catalog), 'plain').sources).toEqual([
    `file:${join(directory, 'plain.gguf')}`,
  ]);
});

test('add --link copies nothing and leaves the file as it is, and rm removes the link only', async () => {
  const { put, run, directory, location } = createCli();
  const uri = put('plain.gguf', tinyGguf({ fill: 4 }));
  const path = join(directory, 'plain.gguf');
  chmodSync(path, 0o600);

  expect(await run('add', '--no-check', uri, '--link')).toMatchObject({ code: 0, stderr: '' });
  const { ino, mode } = statSync(join(location.root, 'plain/plain.gguf'));
  expect({ ino, mode: mode & 0o777 }).toEqual({ ino: statSync(path).ino, mode: 0o600 });

  expect((await run('rm', 'plain', '--entry')).stdout).toMatch(
    /^plain is removed: 512 bytes, and its entry of the catalog\.$/m,
  );
  expect(existsSync(path)).toBe(true);
  expect(existsSync(join(location.root, 'plain'))).toBe(false);
  expect(readCatalog(location.catalog).models.map(({ name }) => name)).not.toContain('plain');
});

test('rm leaves the entry where it is not asked for it, and the default for npm start to fetch', async () => {
  const { run, contents, location } = createCli();
  await run('fetch');
  expect((await run('rm', 'tiny')).code).toBe(0);
  expect(contents()).toEqual([]);
  expect(findModel(readCatalog(location.catalog), 'tiny').name).toBe('tiny');
  expect((await run('rm', 'tiny')).stdout).toBe('tiny was not in the store.\n');
});

describe('one line on stderr and exit code 1', () => {
  test.each([
    ['an unknown name', ['fetch', 'nope'], 'The catalog has no "nope". It has: '],
    ['an unknown default', ['use', 'nope'], 'The catalog has no "nope". It has: '],
    ['a model that is not stored', ['verify'], 'tiny is not in the store'],
    ['a name that is taken', ['add', 'file:tiny.gguf'], 'The catalog has a "tiny" already'],
    ['an unknown scheme', ['add', 'ftp://host/file.gguf'], 'ftp://host/file.gguf cannot be fetched'],
    ['a source that is gone', ['add', 'file:/nonexistent/x.gguf'], 'there is no file /nonexistent/x.gguf'],
    ['the entry of the default', ['rm', 'tiny', '--entry'], 'tiny is the default model. Make another one'],
    ['a link to no file of this machine', ['add', 'hf:a/b/c.gguf', '--link'], '--link needs a file'],
    ['another architecture', ['fetch', 'tool', '--arch', 'mips'], 'tool is not built for "mips"'],
  ])('for %s', async (_, args, said) => {
    const { run, contents } = createCli();
    const { code, stderr } = await run(...args);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^[^\n]+\n$/) });
    expect(stderr).toContain(said);
    expect(contents()).toEqual([]);
  });

  test('for a malformed catalog', async () => {
    const { run, location } = createCli();
    writeFileSync(location.catalog, '{}');
    expect(await run('list')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^The catalog [^\n]+ is not valid[^\n]+\n$/),
    });
  });

  test('for each of two sources that fail', async () => {
    const { run, contents } = createCli({
      'short.gguf': bytes.subarray(0, 99),
      'page.gguf': Buffer.from('<html>'),
    });
    const { code, stderr } = await run('fetch');
    const [first, second, ...rest] = stderr.split('\n');
    expect(code).toBe(1);
    expect(first).toMatch(
      /short\.gguf is too short: 99 bytes where 512 are expected\. Trying the next source\.$/,
    );
    expect(second).toMatch(/page\.gguf is not a GGUF file/);
    expect(rest).toEqual(['']);
    expect(contents()).toEqual([]);
  });
});

test('processes that fetch the same model at the same time all end well', async () => {
  const { run, contents } = createCli();
  const runs = await Promise.all([run('fetch'), run('fetch'), run('fetch')]);
  expect(runs.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
    runs.map(() => ({ code: 0, stderr: '' })),
  );
  expect(contents()).toEqual([...LINKED_TINY, ...STORED_TINY]);
});
