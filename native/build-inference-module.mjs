// Compiles native/inference and puts it beside the module that it works on. Takes git and a C++ compiler.
import { execFileSync } from 'node:child_process';
import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFile, library, prebuilt, require } from './llama-cpp.mjs';

const folder = fileURLToPath(new URL('inference', import.meta.url));

function compile(sources, output) {
  const includes = [
    dirname(require.resolve('node-addon-api', { paths: [library] })),
    join(process.env.npm_config_nodedir ?? dirname(dirname(realpathSync(process.execPath))), 'include/node'),
    join(library, 'llama/addon'),
    join(sources, 'include'),
    join(sources, 'ggml/include'),
  ];
  const libraries = readdirSync(prebuilt).filter(
    (file) => file === 'llama-addon.node' || /^lib(?:llama|ggml|ggml-base)\./.test(file),
  );
  execFileSync(
    'c++',
    [
      ...['-std=c++17', '-O3', '-fPIC', '-shared', '-pthread', '-s', '-DNAPI_VERSION=7'],
      // Another compiler may warn of what ours does not.
      ...['-Wall', '-Wextra', ...(process.env.CI ? ['-Werror'] : [])],
      // What is missing is found when the module is opened, not when it is called.
      '-Wl,-z,now',
      // What comes from other projects is not ours to warn of.
      ...includes.flatMap((folder) => ['-isystem', folder]),
      ...readdirSync(folder)
        .filter((file) => file.endsWith('.cpp'))
        .map((file) => join(folder, file)),
      ...['-o', output, '-L', prebuilt, ...libraries.map((file) => `-l:${file}`)],
    ],
    { stdio: ['ignore', 2, 2] },
  );
}

await compileFile('inference.node', ['include', 'ggml/include'], compile);
