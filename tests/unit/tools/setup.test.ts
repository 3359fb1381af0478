// tools/setup.mjs in a folder where the packages are installed, with a `node` that only tells what it is to run.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const platform = `${process.platform}-${process.arch}`;
const prebuilt = `node_modules/@node-llama-cpp/${platform}/bins/${platform}`;
const amxLibrary = `${prebuilt}/libggml-cpu-amx.so`;
const modules = ['inference', 'chat', 'matrices'].map((name) => `${prebuilt}/${name}.node`);

/** What an installation must have made: npm's record, and what install scripts make. */
const installed = ['.bin/node', 'aws-lambda-ric/rapid-client.node', `${prebuilt.slice(13)}/llama-addon.node`];
const headers = `node_modules/node/node_modules/node-${platform}`;

/** What a build by the stand-in for `node` leaves. */
const made = (path: string) => {
  const index = `mkdir -p dist/prefixes\necho '{"key":{"model":"abc","kvType":"f16"}}' >dist/prefixes/index.json`;
  return path === 'dist/prefixes/index.json' ? index : `touch ${path}`;
};
const tellingNode = `#!/bin/sh
echo "$@" >>told
case "$*" in
  *prefixes) ${made('dist/prefixes/index.json')} ;;
  *amx-library.mjs) ${made(amxLibrary)} ;;
esac
`;

vi.setConfig({ testTimeout: 60_000 });

let root: string;

/** Writes a file that was changed so many seconds after all others. */
function put(path: string, content: string, secondsLater = 0): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content, { mode: 0o755 });
  const changed = 1_000_000 + secondsLater;
  utimesSync(join(root, path), changed, changed);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'setup-'));
  copySetUp();
  const compiled = [
    'inference/module.cpp',
    'chat/module.cpp',
    'matrices/module.cpp',
    'threads/work-thread.cpp',
    'build-modules.mjs',
    'build-amx-library.mjs',
    'zig.txt',
  ];
  for (const file of [...compiled, 'llama-cpp.mjs']) put(`native/${file}`, '');
  for (const name of ['inference', 'chat', 'matrices', 'threads'])
    utimesSync(join(root, 'native', name), 1_000_000, 1_000_000);
  put('package.json', '{}');
  put('package-lock.json', '{}');
  put('node_modules/.package-lock.json', '{}');
  for (const file of installed) put(`node_modules/${file}`, tellingNode);
  put(`${headers}/include/node/node.h`, '');
  // What is newer than its sources is compiled already.
  for (const library of [...modules, amxLibrary]) put(library, '', 1);
});

afterEach(() => rmSync(root, { recursive: true }));

function copySetUp(): void {
  for (const path of ['tools/setup.mjs', 'tools/setup', 'tools/lock']) {
    cpSync(join(project, path), join(root, path), { recursive: true });
  }
}

/** What the script runs, a line for each process. */
function setUp(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): readonly string[] {
  rmSync(join(root, 'told'), { force: true });
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'tools/setup.mjs'), ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
    timeout: 50_000,
  });
  expect({ status, stderr: stderr.match(/failed|missing|Error/) }).toEqual({ status: 0, stderr: null });
  writeFileSync(join(root, 'told'), '', { flag: 'a' });
  return readFileSync(join(root, 'told'), 'utf8').split('\n').slice(0, -1);
}

it('compiles nothing for commands that take the packages only', () => {
  for (const library of [...modules, amxLibrary]) rmSync(join(root, library));

  expect(setUp(['packages'])).toEqual([]);
});

it('compiles a native module for commands that evaluate prompts, when it is older than its sources', () => {
  expect(setUp(['engine'])).toEqual([]);

  put('native/inference/module.cpp', '', 2);
  expect(setUp(['engine'])).toEqual(['native/build-modules.mjs inference']);

  for (const library of modules) put(library, '', 1);
  put('native/threads/work-thread.cpp', '', 2);
  // At the same time, in either order.
  expect(setUp(['engine']).toSorted()).toEqual([
    'native/build-modules.mjs chat',
    'native/build-modules.mjs inference',
    'native/build-modules.mjs matrices',
  ]);
});

it.runIf(process.arch === 'x64')(
  "compiles llama.cpp's library for AMX only where COMPILE_AMX asks for it",
  () => {
    const amx = { COMPILE_AMX: 'true' };
    // pip, which brings the compiler.
    put('bin/python3', '#!/bin/sh\n');
    const path = { PATH: `${join(root, 'bin')}:${process.env.PATH}` };

    expect(setUp(['engine'], amx)).toEqual([]);

    put('native/build-amx-library.mjs', '', 2);
    expect(setUp(['engine'])).toEqual([]);
    expect(setUp(['engine'], { ...amx, ...path })).toEqual(['native/build-amx-library.mjs']);

    rmSync(join(root, amxLibrary));
    expect(setUp(['engine'], { COMPILE_AMX: 'false' })).toEqual([]);
    expect(setUp(['engine'], { ...amx, ...path })).toEqual(['native/build-amx-library.mjs']);
  },
);

it.each([
  [
    'g++: fatal error: inference.o: No space left on device',
    /^setup: the disk is full: [^\n]+ run it again\.\n$/,
  ],
  [
    'module.cpp:1: error: expected a type',
    /^\nmodule\.cpp:1: error: expected a type\nsetup: [^\n]+ see the lines above\.\n$/,
  ],
])('says why a native module does not compile: %s', (output, message) => {
  put('native/inference/module.cpp', '', 2);
  put('node_modules/.bin/node', `#!/bin/sh\necho "${output}" >&2\nexit 1\n`);
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'tools/setup.mjs'), 'engine'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });

  expect(status).toBe(1);
  expect(stderr.replace('setup: compiling the native modules\n', '')).toMatch(message);
});

it('refuses another value of COMPILE_AMX by name', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'tools/setup.mjs'), 'engine'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, COMPILE_AMX: 'yes' },
  });

  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'setup: COMPILE_AMX="yes" cannot be used: expected false, or true on an x86 processor.\n',
  });
});

it('refuses another platform than Linux before anything else', () => {
  rmSync(join(root, 'node_modules'), { recursive: true });
  const elsewhere = "data:text/javascript,Object.defineProperty(process, 'platform', { value: 'darwin' })";
  const script = join(root, 'tools/setup.mjs');
  const { status, stderr } = spawnSync(process.execPath, ['--import', elsewhere, script, 'packages'], {
    encoding: 'utf8',
  });

  expect(status).toBe(1);
  expect(stderr).toMatch(/^setup: this needs Linux, and this is darwin\. [^\n]+\n$/);
});

/** Writes the catalog, whose default has these fields too. */
function putCatalog(fields: object = {}): void {
  put(
    'models/catalog.json',
    JSON.stringify({
      default: 'tiny',
      models: [{ name: 'tiny', sha256: 'abc', ...fields }],
      tools: { 'aws-lambda-rie': { builds: { [process.arch]: { sha256: 'def' } } } },
    }),
  );
}

/** Writes the store and the sources of the bundles, from which all is built. */
function putStore(): void {
  putCatalog();
  for (const folder of ['tiny', '.default']) put(`models/store/${folder}/.verified.json`, '{"sha256":"abc"}');
  put('models/store/tiny/model.json', '{"sha256":"abc","gguf":{"memory":{}}}');
  put(`models/store/aws-lambda-rie-${process.arch}/.verified.json`, '{"sha256":"def"}');
  for (const file of [
    'functions/echo.ts',
    'playground/main.tsx',
    'src/engine/prompt/prompt-chunks.ts',
    'esbuild.config.ts',
  ])
    put(file, '');
  put('models/prefixes/rules.txt', 'Be kind.');
  put('dist/prefixes/index.json', JSON.stringify({ key: { model: 'abc', kvType: 'f16' } }), 2);
  // Folders count as well, and so does the script itself.
  for (const folder of [
    'functions',
    'playground',
    'src',
    'src/engine',
    'src/engine/prompt',
    'tools',
    'models/prefixes',
  ]) {
    utimesSync(join(root, folder), 1_000_000, 1_000_000);
  }
  put('dist/metafile.json', '', 1);
}

it.each<[string, object, string]>([
  ['sampling', { sampling: { temperature: 0.5 } }, '"sampling":{"temperature":0.5}'],
  ['chat template', { chatTemplate: 'chatml' }, '"chatTemplate":"chatml"'],
  ['file of a chat template', { chatTemplate: 'own.jinja' }, '"chatTemplate":"{{ messages }}"'],
])('describes the model anew when the catalog has another %s', (_, fields, described) => {
  const description = ['tools/model/cli.ts fetch'];
  putStore();
  expect(setUp()).toEqual([]);

  put('models/own.jinja', '{{ messages }}');
  putCatalog(fields);
  expect(setUp()).toEqual(description);

  put('models/store/tiny/model.json', `{"sha256":"abc","gguf":{"memory":{}},${described}}`);
  expect(setUp()).toEqual([]);

  put('models/own.jinja', '{{ messages | first }}');
  expect(setUp()).toEqual('chatTemplate' in fields && described.includes('{{') ? description : []);
});

it('evaluates prefixes anew for another model or type of the context, and after what evaluates them has changed', () => {
  const evaluation = ['tools/model/cli.ts prefixes'];
  const bake = (model: string, kvType: string) =>
    put('dist/prefixes/index.json', JSON.stringify({ key: { model, kvType } }), 2);
  putStore();

  expect(setUp()).toEqual([]);
  expect(setUp([], { KV_TYPE: ' ' })).toEqual([]);
  expect(setUp([], { KV_TYPE: 'q8_0' })).toEqual(evaluation);

  bake('abc', 'q8_0');
  expect(setUp([], { KV_TYPE: 'q8_0' })).toEqual([]);
  // With auto, the type of the snapshots that are there decides.
  expect(setUp()).toEqual([]);
  expect(setUp([], { KV_TYPE: 'f16' })).toEqual(evaluation);

  bake('another', 'f16');
  expect(setUp()).toEqual(evaluation);

  bake('abc', 'f16');
  put(amxLibrary, '', 3);
  expect(setUp()).toEqual(evaluation);
});

it.each([
  ['native/build-modules.mjs chat', 'native/chat/module.cpp', `${prebuilt}/chat.node`],
  ['esbuild.config.ts', 'functions/echo.ts', 'dist/metafile.json'],
  ['tools/model/cli.ts prefixes', 'models/prefixes/rules.txt', 'dist/prefixes/index.json'],
])('runs %s again when a source changed while it ran', (command, source, output) => {
  putStore();
  put(source, '', 3);
  const change = `[ -e changed ] || touch changed ${source}`;
  const build = `${made(output)}\ntouch -d '1 minute' ${output}`;
  put('node_modules/.bin/node', `#!/bin/sh\necho "$@" >>told\n${change}\n${build}\n`);

  expect([setUp(), setUp(), setUp()]).toEqual([[command], [command], []]);
});

it('does not wait for itself when a program that it runs sets the engine up', () => {
  putStore();
  put('models/prefixes/rules.txt', '', 3);
  const change = `touch native/chat/module.cpp && '${process.execPath}' tools/setup.mjs engine`;
  const node = `${tellingNode}case "$*" in *prefixes) ${change} ;; esac\n`;
  put('node_modules/.bin/node', node);

  expect(setUp()).toEqual(['tools/model/cli.ts prefixes', 'native/build-modules.mjs chat']);
});

it('takes a file that is removed while it is looked at for one that is missing', () => {
  putStore();
  // Some editors lock a file by a link that leads nowhere.
  symlinkSync('nowhere', join(root, 'src/.#file.ts'));
  utimesSync(join(root, 'src'), 1_000_000, 1_000_000);
  rmSync(join(root, 'models/store/tiny/.verified.json'));
  const found = `import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';
    fs.existsSync = () => true; syncBuiltinESMExports();`;

  const preload = `--import=data:text/javascript,${encodeURIComponent(found)}`;
  expect(setUp([], { NODE_OPTIONS: preload })).toEqual(['tools/model/cli.ts fetch']);
});
