// What is compiled beside llama.cpp's prebuilt libraries.
import { readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly, runShowingFailure } from './commands.mjs';
import { SetupError } from './errors.mjs';
import { lock } from './lock.mjs';
import { findNodeHeaders } from './packages.mjs';
import { besidePrebuilt, cache, fromEnvironment, node24, root } from './places.mjs';
import { showStep } from './progress.mjs';
import { assertTools } from './requirements.mjs';

const zigFolder = join(cache, 'zig');

export const amxLibrary = besidePrebuilt('libggml-cpu-amx.so');

/** Compiles the native modules, beside the libraries that they are compiled for. */
export async function setUpModules() {
  if (listOldModules().length === 0) return;
  await lock();
  const old = listOldModules();
  if (old.length === 0) return;
  assertTools();
  const env = { ...process.env, npm_config_nodedir: await findNodeHeaders() };
  // Each at the same time: a compiler takes one processor.
  await showStep('compiling the native modules', () =>
    Promise.all(
      old.map((name) =>
        make(besidePrebuilt(`${name}.node`), () =>
          runShowingFailure(node24, ['native/build-modules.mjs', name], env),
        ),
      ),
    ),
  );
}

/** The native modules that are not compiled from the sources that are here. */
export function listOldModules() {
  return ['inference', 'chat', 'matrices'].filter(
    (name) => !isCompiled(besidePrebuilt(`${name}.node`), [name, 'threads', 'build-modules.mjs']),
  );
}

/** Compiles llama.cpp's library for processors with AMX, if COMPILE_AMX asks for it. Once compiled, it is used without asking. */
export async function setUpAmxLibrary() {
  const isReady = () => !isAmxWanted() || isCompiled(amxLibrary, ['build-amx-library.mjs', 'zig.txt']);
  if (isReady()) return;
  await lock();
  if (isReady()) return;
  assertTools();
  await showStep("compiling llama.cpp's library for AMX (two minutes)", async () => {
    const pip = ['-m', 'pip', 'install', '--quiet', '--upgrade', '--target', zigFolder];
    const requirements = ['--require-hashes', '--requirement', 'native/zig.txt'];
    const { code, output } = await runQuietly('python3', [...pip, ...requirements]);
    if (code !== 0) throw new SetupError(`pip could not install Zig: ${output.trim().split('\n').at(-1)}`);
    const env = { ...process.env, PYTHONPATH: zigFolder };
    await make(amxLibrary, () => runShowingFailure(node24, ['native/build-amx-library.mjs'], env));
  });
}

/** Whether a file is newer than what it is compiled of. */
function isCompiled(path, sources) {
  return isNewer(
    path,
    ['llama-cpp.mjs', ...sources].map((source) => join(root, 'native', source)),
  );
}

function isAmxWanted() {
  const value = fromEnvironment('COMPILE_AMX') ?? 'false';
  if (value === 'false') return false;
  if (value === 'true' && process.arch === 'x64') return true;
  throw new SetupError(
    `COMPILE_AMX=${JSON.stringify(value)} cannot be used: expected false, or true on an x86 processor.`,
  );
}

/** Runs the step that makes a file of sources. Sources that change meanwhile are newer than the file, so that it is made again. */
export async function make(path, step) {
  const startedAt = new Date();
  await step();
  utimesSync(path, startedAt, startedAt);
}

/** Whether a file is newer than all of its sources. */
export function isNewer(path, sources) {
  return changedAt(path) > Math.max(...sources.map(changedAt));
}

/** When anything under a path last changed, in milliseconds since 1970; 0 where nothing is, or no longer. */
function changedAt(path) {
  try {
    const stats = statSync(path);
    if (!stats.isDirectory()) return stats.mtimeMs;
    return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => changedAt(join(path, name))));
  } catch (error) {
    if (error.code === 'ENOENT') return 0;
    throw error;
  }
}
