// node-llama-cpp as it is installed: the prebuilt module and libraries for a processor, and the sources they come from.
// Plain JavaScript on built-in modules: it runs as soon as the packages are there, in a checkout and in an image's build.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const require = createRequire(import.meta.url);

/** The processor to compile for, as node-gyp reads it: another one than this machine's with cross-compile.sh. */
const processor = process.env.npm_config_arch ?? process.arch;
const platform = `${process.platform}-${processor}`;

/** The folder of the package. */
export const library = dirname(dirname(require.resolve('node-llama-cpp')));

/**
 * The folder of what is prebuilt. What is compiled for it lies there too: where another release is installed, none of this
 * one is found.
 */
export const prebuilt = join(
  dirname(dirname(require.resolve(`@node-llama-cpp/${platform}`))),
  'bins',
  platform,
);

/**
 * Compiles a file and lays it among what is prebuilt, whole or not at all: a process that runs keeps the one that it has
 * opened. A failure is written and becomes the process's exit code.
 *
 * @param file - its name
 * @param paths - the folders of llama.cpp's sources that it takes
 * @param compile - given the folder of the sources and the path to write to
 */
export async function compileFile(file, paths, compile) {
  const folder = mkdtempSync(join(tmpdir(), 'llama-cpp-'));
  const partial = join(prebuilt, `.${randomUUID()}.${file}`);
  try {
    extractSources(folder, paths);
    await compile(folder, partial);
    renameSync(partial, join(prebuilt, file));
  } catch (error) {
    if (error.code === undefined && error.status === undefined) throw error;
    // What the program had to say, it has said.
    process.stderr.write(`${file} cannot be compiled: ${error.message.split('\n', 1)[0]}\n`);
    process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(partial, { force: true });
  }
}

/** The package holds no sources of llama.cpp but a bundle of Git's. */
function extractSources(folder, paths) {
  // Within a hook, Git's variables name the repository that the hook is of.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
  const git = (...args) =>
    execFileSync('git', ['-C', folder, ...args], { stdio: ['ignore', 'ignore', 2], env });
  git('init', '--quiet', '--template=');
  git('fetch', '--quiet', join(library, 'llama/gitRelease.bundle'), 'HEAD');
  git('checkout', '--quiet', 'FETCH_HEAD', '--', ...paths);
}
