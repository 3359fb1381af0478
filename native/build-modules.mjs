// Compiles native/inference, native/chat and native/matrices, and puts them beside the module that they work with. Takes git and a C++
// compiler.
// `node native/build-modules.mjs [name...]` compiles these alone.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compileFile, library, prebuilt, require } from './llama-cpp.mjs';

/** A variable may name another compiler, with its options. */
const [compiler = 'c++', ...options] = process.env.CXX?.split(' ') ?? [];

const nodeHeaders = process.env.npm_config_nodedir ?? dirname(dirname(realpathSync(process.execPath)));

/** What each takes: folders here, folders of llama.cpp's sources, other folders of headers, and prebuilt libraries. */
const modules = {
  inference: {
    folders: ['inference', 'threads'],
    sources: ['include', 'ggml/include'],
    headers: [join(library, 'llama/addon')],
    libraries: /^(?:llama-addon\.node|lib(?:llama|ggml|ggml-base)\..*)$/,
  },
  chat: {
    folders: ['chat', 'threads'],
    sources: ['common', 'include', 'ggml/include'],
    headers: [],
    libraries: /^lib(?:llama|llama-common)\..*$/,
    prepare: declareChatTemplates,
  },
  matrices: {
    folders: ['matrices'],
    sources: ['ggml/include', 'ggml/src', 'ggml/src/ggml-cpu'],
    headers: [],
    libraries: /(?!)/,
    exports: 'matrices/exports.map',
  },
};

/** The structure that holds parsed templates is in no header of llama.cpp. */
function declareChatTemplates(folder) {
  const source = readFileSync(join(folder, 'common/chat.cpp'), 'utf8');
  const [declaration] = /^struct common_chat_templates \{$.*?^\};$/ms.exec(source) ?? [];
  if (declaration === undefined) throw new Error("llama.cpp's chat.cpp has no common_chat_templates.");
  writeFileSync(
    join(folder, 'common/common-chat-templates.h'),
    `#pragma once\n#include "chat.h"\n${declaration}\n`,
  );
}

function compile({ folders, sources, headers, libraries, exports, prepare }, folder, output) {
  prepare?.(folder);
  const includes = [
    dirname(require.resolve('node-addon-api', { paths: [library] })),
    join(nodeHeaders, 'include/node'),
    ...headers,
    ...sources.map((source) => join(folder, source)),
  ];
  const own = folders.map((part) => join(import.meta.dirname, part));
  execFileSync(
    compiler,
    [
      ...options,
      ...['-std=c++17', '-O3', '-fPIC', '-shared', '-pthread', '-s', '-DNAPI_VERSION=7'],
      // Another compiler may warn of what ours does not.
      ...['-Wall', '-Wextra', ...(process.env.CI ? ['-Werror'] : [])],
      // What is missing is found when the module is opened, not when it is called.
      '-Wl,-z,now',
      ...(exports ? [`-Wl,--version-script=${join(import.meta.dirname, exports)}`] : []),
      // Its libraries lie beside it.
      '-Wl,-rpath,$ORIGIN',
      // What comes from other projects is not ours to warn of.
      ...includes.flatMap((include) => ['-isystem', include]),
      ...own.flatMap((part) => ['-I', part]),
      ...own.flatMap((part) =>
        readdirSync(part)
          .filter((file) => file.endsWith('.cpp'))
          .map((file) => join(part, file)),
      ),
      ...['-o', output, '-L', prebuilt],
      ...readdirSync(prebuilt)
        .filter((file) => libraries.test(file))
        .map((file) => `-l:${file}`),
    ],
    { stdio: ['ignore', 2, 2] },
  );
}

const named = process.argv.slice(2);
for (const name of named.length > 0 ? named : Object.keys(modules)) {
  const { sources } = modules[name];
  await compileFile(`${name}.node`, sources, (folder, output) => compile(modules[name], folder, output));
}
