// Makes a checkout ready to run: what is missing or stale is installed, fetched and built, and nothing else.
// Plain JavaScript on built-in modules, because it runs on the user's own Node before anything is installed.
//
//   node tools/setup.mjs            all that `npm start` takes: the default model, the emulator and the bundles too
//   node tools/setup.mjs engine     packages, and what is compiled beside llama.cpp's prebuilt libraries
//                                   (COMPILE_AMX=true: llama.cpp's library for AMX too, docs/decisions/0014)
//   node tools/setup.mjs packages   packages only, for what evaluates no prompt
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node24 = join(root, 'node_modules/.bin/node');
const packagesStamp = join(root, 'node_modules/.installed');
const cmakeFolder = join(root, '.cache/cmake');
const zigFolder = join(root, '.cache/zig');
const amxLibrary = besidePrebuilt('libggml-cpu-amx.so');
/** The `node` package brings Node's C headers, so that they need not be fetched from Node's own site. */
const nodeHeaders = join(root, `node_modules/node/node_modules/node-${process.platform}-${process.arch}`);

/** Tools that compiling native modules and fetching wheels take, with their Debian packages. */
const tools = [
  { name: 'git', command: ['git', '--version'], debian: 'git' },
  { name: 'a C++ compiler', command: ['c++', '--version'], debian: 'build-essential' },
  { name: 'make', command: ['make', '--version'], debian: 'build-essential' },
  { name: 'tar', command: ['tar', '--version'], debian: 'tar' },
  { name: 'xz', command: ['xz', '--version'], debian: 'xz-utils' },
  { name: 'Python 3', command: ['python3', '--version'], debian: 'python3' },
  { name: 'pip', command: ['python3', '-m', 'pip', '--version'], debian: 'python3-pip' },
];

class SetupError extends Error {}

function runs([program, ...args]) {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** Runs a step with its output on this terminal, from the project's root. */
function run(program, args, env = process.env) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', env });
  if (status !== 0)
    throw new SetupError(`${[program, ...args].join(' ')} failed${error ? `: ${error.message}` : ''}.`);
}

function say(step) {
  process.stderr.write(`setup: ${step}\n`);
}

/** AWS's runtime interface client compiles on Linux only, and llama.cpp's libraries are taken from the packages for Linux. */
function assertPlatform() {
  if (process.platform === 'linux') return;
  throw new SetupError(
    `this takes Linux, and here is ${process.platform}: use a Linux machine, a virtual one, or WSL on Windows. 'docker build' takes no more than Docker.`,
  );
}

function assertTools() {
  const missing = tools.filter((tool) => !runs(tool.command));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((tool) => tool.debian))].join(' ');
  throw new SetupError(
    `missing: ${missing.map((tool) => tool.name).join(', ')}. On Debian: sudo apt-get install -y ${packages}`,
  );
}

/** PATH with a cmake on it: the machine's own, or the one in PyPI's `cmake` wheel, which needs no root. */
function pathWithCmake() {
  if (runs(['cmake', '--version'])) return process.env.PATH;
  if (!existsSync(cmakeFolder)) {
    say('cmake is missing (on Debian: sudo apt-get install -y cmake), so it comes from its Python wheel');
    // aws-lambda-cpp asks for a policy that cmake 4 has dropped.
    run('python3', ['-m', 'pip', 'install', '--quiet', '--target', cmakeFolder, 'cmake==3.31.10']);
  }
  return `${join(cmakeFolder, 'cmake/data/bin')}${delimiter}${process.env.PATH}`;
}

function setUpPackages() {
  const lock = createHash('sha256');
  for (const file of ['package.json', 'package-lock.json']) lock.update(readFileSync(join(root, file)));
  const wanted = lock.digest('hex');
  if (existsSync(packagesStamp) && readFileSync(packagesStamp, 'utf8') === wanted) return;

  assertTools();
  const PATH = pathWithCmake();
  say('installing packages and compiling the runtime interface client (two minutes)');
  const env = { ...process.env, PATH, npm_config_nodedir: nodeHeaders };
  const npm = process.env.npm_execpath;
  if (npm === undefined) run('npm', ['ci', '--no-audit', '--no-fund'], env);
  else run(process.execPath, [npm, 'ci', '--no-audit', '--no-fund'], env);
  writeFileSync(packagesStamp, wanted);
}

/** The path of a file among llama.cpp's prebuilt ones for this machine, where what is compiled lies too. */
function besidePrebuilt(file) {
  const platform = `${process.platform}-${process.arch}`;
  return join(root, `node_modules/@node-llama-cpp/${platform}/bins/${platform}`, file);
}

/** Whether a file is newer than what it is compiled of. */
function isCompiled(path, sources) {
  const needs = ['llama-cpp.mjs', ...sources].map((source) => changedAt(join(root, 'native', source)));
  return existsSync(path) && statSync(path).mtimeMs > Math.max(...needs);
}

/** The native modules, beside the libraries that they are compiled for. */
function setUpModules() {
  const old = ['inference', 'chat'].filter(
    (name) => !isCompiled(besidePrebuilt(`${name}.node`), [name, 'build-modules.mjs']),
  );
  if (old.length === 0) return;
  assertTools();
  say(`compiling native modules: ${old.join(', ')}`);
  run(node24, ['native/build-modules.mjs', ...old], { ...process.env, npm_config_nodedir: nodeHeaders });
}

/** llama.cpp's library for processors with AMX, if COMPILE_AMX asks for it. Once compiled, it is used without asking. */
function setUpAmxLibrary() {
  if (!isAmxWanted() || isCompiled(amxLibrary, ['build-amx-library.mjs', 'zig.txt'])) return;
  assertTools();
  say("compiling llama.cpp's library for AMX, with Zig from its Python package (two minutes)");
  const pip = ['-m', 'pip', 'install', '--quiet', '--upgrade', '--target', zigFolder];
  run('python3', [...pip, '--require-hashes', '--requirement', 'native/zig.txt']);
  run(node24, ['native/build-amx-library.mjs'], { ...process.env, PYTHONPATH: zigFolder });
}

function isAmxWanted() {
  const value = fromEnvironment('COMPILE_AMX') ?? 'false';
  if (value === 'false') return false;
  if (value === 'true' && process.arch === 'x64') return true;
  throw new SetupError(
    `COMPILE_AMX=${JSON.stringify(value)} cannot be used: expected false, or true on an x86 processor.`,
  );
}

/** A variable's value, where there is any: blanks alone are none. */
function fromEnvironment(name) {
  return process.env[name]?.trim() || undefined;
}

/** The default model and the emulator: their folders in the store, and the hashes that the catalog pins. */
function readStore() {
  const catalogPath = fromEnvironment('MODEL_CATALOG') ?? join(root, 'models/catalog.json');
  const store = resolve(fromEnvironment('MODEL_STORE') ?? join(root, 'models/store'));
  const catalog = JSON.parse(readFileSync(catalogPath, 'utf8'));
  const emulator = catalog.tools['aws-lambda-rie'].builds[process.arch];
  if (emulator === undefined)
    throw new SetupError(`there is no runtime interface emulator for ${process.arch}.`);
  return {
    model: {
      folder: join(store, catalog.default),
      sha256: catalog.models.find(({ name }) => name === catalog.default)?.sha256,
    },
    emulator: { folder: join(store, `aws-lambda-rie-${process.arch}`), sha256: emulator.sha256 },
  };
}

/** Whether the store has verified what the catalog wants now. An entry without a hash takes what is there. */
function isStored({ folder, sha256 }) {
  const record = readJson(join(folder, '.verified.json'));
  return record !== undefined && (!sha256 || record.sha256 === sha256);
}

/** Whether a model's manifest tells what the engine wants to know: an earlier one did not. */
function isDescribed({ folder }) {
  return readJson(join(folder, 'model.json'))?.gguf?.memory !== undefined;
}

function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

function setUpStore({ model, emulator }) {
  // The fetch also makes the links that an image's build takes the default model by.
  const linked = { folder: join(dirname(model.folder), '.default'), sha256: model.sha256 };
  const complete = isStored(model) && isDescribed(model) && isStored(linked);
  if (!complete) run(node24, ['tools/model/cli.ts', 'fetch']);
  if (!isStored(emulator)) run(node24, ['tools/model/cli.ts', 'fetch', 'aws-lambda-rie']);
}

/** When anything under a path last changed, in milliseconds since 1970. */
function changedAt(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => changedAt(join(path, name))));
}

function setUpBundles() {
  const bundle = join(root, 'dist/server/main.mjs');
  const sources = ['functions', 'src', 'esbuild.config.ts', 'package-lock.json'];
  const newest = Math.max(...sources.map((path) => changedAt(join(root, path))));
  if (existsSync(bundle) && statSync(bundle).mtimeMs > newest) return;
  say('building');
  run(node24, ['esbuild.config.ts']);
}

/** Snapshots of the prompt prefixes, unless there are some that are newer than all they depend on. */
function setUpPrefixes({ model }) {
  const from = join(root, 'models/prefixes');
  const index = join(root, 'dist/prefixes/index.json');
  const sources = readdirSync(from).filter((file) => /\.(?:txt|json)$/.test(file));
  if (sources.length === 0) {
    rmSync(dirname(index), { recursive: true, force: true });
    return;
  }
  const cuts = join(root, 'src/engine/prompt/prompt-chunks.ts');
  const manifest = join(model.folder, 'model.json');
  const needs = [from, cuts, manifest, join(root, 'package-lock.json')];
  if (existsSync(amxLibrary)) needs.push(amxLibrary);
  const key = readJson(index)?.key;
  const kvType = fromEnvironment('KV_TYPE') ?? 'auto';
  const suits = key?.model === readJson(manifest)?.sha256 && (kvType === 'auto' || key?.kvType === kvType);
  if (suits && statSync(index).mtimeMs > Math.max(...needs.map(changedAt))) return;
  say('evaluating prompt prefixes');
  rmSync(dirname(index), { recursive: true, force: true });
  run(node24, ['tools/model/cli.ts', 'prefixes']);
}

/** Lays `dist/` out as the image is: the bundles, the model, the emulator. */
function link(target, name) {
  const path = join(root, 'dist', name);
  rmSync(path, { force: true, recursive: true });
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

const [, , part = 'all'] = process.argv;
try {
  assertPlatform();
  setUpPackages();
  if (part !== 'packages') {
    setUpModules();
    setUpAmxLibrary();
  }
  if (part === 'all') {
    const store = readStore();
    setUpStore(store);
    setUpBundles();
    link(store.model.folder, 'model');
    setUpPrefixes(store);
    link(join(store.emulator.folder, 'aws-lambda-rie'), 'aws-lambda-rie');
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`setup: ${error.message}\n`);
  process.exit(1);
}
