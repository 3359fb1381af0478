// Compiles token-loop.cpp and lays it beside the module that it works on, node-llama-cpp's prebuilt one for this machine:
// where another release of that is installed, none of this one is found. Takes git and a C++ compiler.
// Plain JavaScript on built-in modules: it runs as soon as the packages are there, in a checkout and in an image's build.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const platform = `${process.platform}-${process.arch}`;
const library = dirname(dirname(require.resolve('node-llama-cpp')));
const prebuilt = join(dirname(dirname(require.resolve(`@node-llama-cpp/${platform}`))), 'bins', platform);

/** The packages hold no headers of llama.cpp but those in its sources, which are a bundle of Git's. */
function extractHeaders(folder) {
  // Within a hook, Git's variables name the repository that the hook is of.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
  const git = (...args) =>
    execFileSync('git', ['-C', folder, ...args], { stdio: ['ignore', 'ignore', 2], env });
  git('init', '--quiet', '--template=');
  git('fetch', '--quiet', join(library, 'llama/gitRelease.bundle'), 'HEAD');
  git('checkout', '--quiet', 'FETCH_HEAD', '--', 'include', 'ggml/include');
}

function compile(headers, output) {
  const includes = [
    dirname(require.resolve('node-addon-api', { paths: [library] })),
    join(process.env.npm_config_nodedir ?? dirname(dirname(realpathSync(process.execPath))), 'include/node'),
    join(library, 'llama/addon'),
    join(headers, 'include'),
    join(headers, 'ggml/include'),
  ];
  const libraries = readdirSync(prebuilt).filter(
    (file) => file === 'llama-addon.node' || /^lib(?:llama|ggml|ggml-base)\./.test(file),
  );
  execFileSync(
    'c++',
    [
      ...['-std=c++17', '-O3', '-fPIC', '-shared', '-s', '-DNAPI_VERSION=7'],
      // Another compiler may warn of what ours does not.
      ...['-Wall', '-Wextra', ...(process.env.CI ? ['-Werror'] : [])],
      // What is missing is found when the module is opened, not when it is called.
      '-Wl,-z,now',
      // What comes from other projects is not ours to warn of.
      ...includes.flatMap((folder) => ['-isystem', folder]),
      fileURLToPath(new URL('token-loop.cpp', import.meta.url)),
      ...['-o', output, '-L', prebuilt, ...libraries.map((file) => `-l:${file}`)],
    ],
    { stdio: ['ignore', 2, 2] },
  );
}

const folder = mkdtempSync(join(tmpdir(), 'token-loop-'));
// Whole or not at all: a process that runs keeps the one that it has opened.
const partial = join(prebuilt, `.token-loop-${process.pid}.node`);
try {
  extractHeaders(folder);
  compile(folder, partial);
  renameSync(partial, join(prebuilt, 'token-loop.node'));
} catch (error) {
  if (error.code === undefined && error.status === undefined) throw error;
  // What the program had to say, it has said.
  process.stderr.write(`The token loop cannot be compiled: ${error.message.split('\n', 1)[0]}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(partial, { force: true });
}
