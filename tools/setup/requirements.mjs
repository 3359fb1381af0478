// What a machine must have before anything is installed. Each lack is one line that says what to do.
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runQuietly, succeeds } from './commands.mjs';
import { SetupError } from './errors.mjs';
import { cache, root } from './places.mjs';

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

const cmakeFolder = join(cache, 'cmake');

/** @throws {SetupError} when this Node is older than package.json asks for */
export function assertNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const least = Number(/\d+/.exec(engines?.node ?? '0')?.[0]);
  const [major] = process.versions.node.split('.').map(Number);
  if (major >= least) return;
  throw new SetupError(
    `this needs Node ${least} or later, and this is Node ${process.versions.node}. Install Node 24 from https://nodejs.org and run it again.`,
  );
}

/** AWS's runtime interface client compiles on Linux only, and llama.cpp's libraries are taken from the packages for Linux. */
export function assertPlatform() {
  if (process.platform === 'linux') return;
  throw new SetupError(
    `this needs Linux, and this is ${process.platform}. Use a Linux machine, a virtual machine, or WSL on Windows; 'docker build' needs only Docker.`,
  );
}

/** @throws {SetupError} naming the missing tools and the command that installs them */
export function assertTools() {
  const missing = tools.filter((tool) => !succeeds(tool.command));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((tool) => tool.debian))].join(' ');
  throw new SetupError(
    `missing: ${missing.map((tool) => tool.name).join(', ')}. On Debian: sudo apt-get install -y ${packages}`,
  );
}

/** @throws {SetupError} when a folder's disk has less room than a step takes */
export function assertFreeSpace(folder, bytes, what) {
  const free = freeBytes(folder);
  if (free >= bytes) return;
  throw new SetupError(
    `the disk of ${folder} has ${toMegabytes(free)} MB left, and ${what} need ${toMegabytes(bytes)} MB. Free some space and run it again.`,
  );
}

export function freeBytes(folder) {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export const toMegabytes = (bytes) => Math.round(bytes / 1e6);

/** PATH with a cmake on it: the machine's own, or the one in PyPI's `cmake` wheel, which needs no root. */
export async function pathWithCmake() {
  if (succeeds(['cmake', '--version'])) return process.env.PATH;
  if (!existsSync(cmakeFolder)) {
    const partial = `${cmakeFolder}.${randomUUID()}`;
    // aws-lambda-cpp needs a policy that cmake 4 has dropped.
    const { code, output } = await runQuietly('python3', [
      ...['-m', 'pip', 'install', '--quiet', '--target', partial],
      'cmake==3.31.10',
    ]);
    if (code !== 0) {
      rmSync(partial, { recursive: true, force: true });
      throw new SetupError(
        `cmake is missing, and pip could not install it: ${output.trim().split('\n').at(-1)}. On Debian: sudo apt-get install -y cmake`,
      );
    }
    renameSync(partial, cmakeFolder);
  }
  return `${join(cmakeFolder, 'cmake/data/bin')}${delimiter}${process.env.PATH}`;
}
