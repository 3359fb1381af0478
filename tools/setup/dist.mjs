// Lays `dist/` out as the image is: the bundles, the model, the snapshots of prompt prefixes, the emulator.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { run, runShowingFailure } from './commands.mjs';
import { amxLibrary, isNewer, make } from './engine.mjs';
import { SetupError } from './errors.mjs';
import { lock } from './lock.mjs';
import { fromEnvironment, node24, root } from './places.mjs';
import { say, showStep } from './progress.mjs';

/** @throws {SetupError} when the catalog cannot be read, or there is no emulator for this processor */
export async function setUpDist() {
  const { model, emulator } = readStore();
  await setUpStore(model, emulator);
  await setUpBundles();
  await link(model.folder, 'model');
  await setUpPrefixes(model);
  await link(join(emulator.folder, 'aws-lambda-rie'), 'aws-lambda-rie');
}

/** The default model and the emulator: their folders in the store, and the hashes that the catalog pins. */
function readStore() {
  const catalogPath = fromEnvironment('MODEL_CATALOG') ?? join(root, 'models/catalog.json');
  const store = resolve(fromEnvironment('MODEL_STORE') ?? join(root, 'models/store'));
  let catalog;
  try {
    catalog = JSON.parse(readFileSync(catalogPath, 'utf8'));
  } catch (error) {
    throw new SetupError(`the catalog ${catalogPath} cannot be read: ${error.message}`);
  }
  const emulator = catalog.tools['aws-lambda-rie'].builds[process.arch];
  if (emulator === undefined)
    throw new SetupError(`there is no runtime interface emulator for ${process.arch}: use x64 or arm64.`);
  const model = catalog.models.find(({ name }) => name === catalog.default);
  return {
    model: {
      folder: join(store, catalog.default),
      sha256: model?.sha256,
      sampling: model?.sampling,
      chatTemplate: readTemplate(model?.chatTemplate, catalogPath),
    },
    emulator: { folder: join(store, `aws-lambda-rie-${process.arch}`), sha256: emulator.sha256 },
  };
}

/** The name of a template, or the text of its file, as a manifest has it. Of a file that cannot be read, the fetch tells. */
function readTemplate(given, catalogPath) {
  if (!given?.endsWith('.jinja')) return given;
  const path = resolve(dirname(catalogPath), given);
  return readText(path) ?? null;
}

async function setUpStore(model, emulator) {
  // The fetch also makes the links that an image's build takes the default model by.
  const linked = { folder: join(dirname(model.folder), '.default'), sha256: model.sha256 };
  const isComplete = () => isStored(model) && isDescribed(model) && isStored(linked);
  if (!isComplete()) {
    await lock();
    if (!isComplete()) await fetch('fetching the model');
  }
  if (isStored(emulator)) return;
  await lock();
  if (!isStored(emulator)) await fetch("fetching AWS's Runtime Interface Emulator", 'aws-lambda-rie');
}

/** The command shows its own progress. */
async function fetch(title, ...names) {
  say(title);
  await run(node24, ['tools/model/cli.ts', 'fetch', ...names]);
}

/** Whether the store has verified what the catalog wants now. An entry without a hash takes what is there. */
function isStored({ folder, sha256 }) {
  const record = readJson(join(folder, '.verified.json'));
  return record !== undefined && (!sha256 || record.sha256 === sha256);
}

/** Whether a model's manifest has what the engine needs, and what the catalog says now: one of an earlier version has not. */
function isDescribed({ folder, sampling, chatTemplate }) {
  const manifest = readJson(join(folder, 'model.json'));
  const said = ({ sampling, chatTemplate }) => JSON.stringify([sampling, chatTemplate]);
  return manifest?.gguf?.memory !== undefined && said(manifest) === said({ sampling, chatTemplate });
}

function readJson(path) {
  const text = readText(path);
  return text === undefined ? undefined : JSON.parse(text);
}

/** Returns undefined where there is no file: another process may remove it at any time. */
function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function setUpBundles() {
  // The last file that a build writes.
  const last = join(root, 'dist/metafile.json');
  const parts = ['functions', 'playground', 'src', 'tools/deploy/lambda-prices.ts'];
  const sources = [...parts, 'esbuild.config.ts', 'package-lock.json'].map((path) => join(root, path));
  const isReady = () => isNewer(last, sources);
  if (isReady()) return;
  await lock();
  if (isReady()) return;
  await showStep('building', () => make(last, () => runShowingFailure(node24, ['esbuild.config.ts'])));
}

/** Snapshots of the prompt prefixes, unless there are some that are newer than all they depend on. */
async function setUpPrefixes({ folder }) {
  const from = join(root, 'models/prefixes');
  const index = join(root, 'dist/prefixes/index.json');
  const sources = readdirSync(from).filter((file) => /\.(?:txt|json)$/.test(file));
  if (sources.length === 0) {
    rmSync(dirname(index), { recursive: true, force: true });
    return;
  }
  const cuts = join(root, 'src/engine/prompt/prompt-chunks.ts');
  const manifest = join(folder, 'model.json');
  const needs = [from, cuts, manifest, join(root, 'package-lock.json'), amxLibrary];
  const kvType = fromEnvironment('KV_TYPE') ?? 'auto';
  const isReady = () => {
    const key = readJson(index)?.key;
    const suits = key?.model === readJson(manifest)?.sha256 && (kvType === 'auto' || key?.kvType === kvType);
    return suits && isNewer(index, needs);
  };
  if (isReady()) return;
  await lock();
  if (isReady()) return;
  rmSync(dirname(index), { recursive: true, force: true });
  await showStep('evaluating prompt prefixes', () =>
    make(index, () => run(node24, ['tools/model/cli.ts', 'prefixes'])),
  );
}

/** Makes a link in `dist/`, in one step. */
async function link(target, name) {
  const path = join(root, 'dist', name);
  if (readTarget(path) === target) return;
  await lock();
  const made = `${path}.${randomUUID()}`;
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, made);
  if (readTarget(path) === undefined) rmSync(path, { recursive: true, force: true });
  renameSync(made, path);
}

function readTarget(path) {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
