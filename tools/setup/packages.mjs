// Installs the packages of package-lock.json. They are installed in a folder of their own, which takes the place of node_modules
// when it is complete: an installation that was interrupted leaves nothing that looks like one.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDiskFull, runQuietly, scratchFolder } from './commands.mjs';
import { SetupError } from './errors.mjs';
import { lock } from './lock.mjs';
import { cache, installedFiles, nodeHeaders, root } from './places.mjs';
import { showStep } from './progress.mjs';
import { assertFreeSpace, assertTools, freeBytes, pathWithCmake, toMegabytes } from './requirements.mjs';

const packages = join(root, 'node_modules');
const log = join(cache, 'npm.log');
/** What the packages take, with the files that compiling them leaves for a while. */
export const neededBytes = 1_000_000_000;
/** A lock file may only come with these. */
const manifests = ['package.json', 'package-lock.json', '.npmrc', 'infra/empty-package'];

/** Installs the packages, unless node_modules holds those of package-lock.json, whoever installed them. */
export async function setUpPackages() {
  if (isInstalled()) return;
  await lock();
  if (isInstalled()) return;
  assertTools();
  assertFreeSpace(root, neededBytes, 'the packages');
  removeRemains();
  const folder = join(stagingParent(), `install-${process.pid}`);
  const staged = join(folder, 'node_modules');
  for (const file of manifests.filter((each) => existsSync(join(root, each)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file), { recursive: true });
  }
  try {
    await showStep('installing packages (about two minutes)', () => install(folder), countIn(staged));
    await replacePackages(staged);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Node's C headers, which compiling a native module takes. `npm install` by hand removes them.
 *
 * @throws {SetupError} when they cannot be installed again
 */
export async function findNodeHeaders() {
  const headers = nodeHeaders(packages);
  if (existsSync(headers)) return headers;
  await lock();
  const { code, output } = await showStep("installing Node's headers again", () =>
    runQuietly(...npm('rebuild', 'node')),
  );
  if (code !== 0 || !existsSync(headers)) throw toFailure(output, root);
  return headers;
}

/** The runtime interface client does not compile in a path with a blank. */
function stagingParent() {
  if (!/\s/.test(root)) return cache;
  if (/\s/.test(scratchFolder()))
    throw new SetupError(
      `the paths of this checkout and of the temporary folder contain a blank, and the runtime interface client does not compile there. Set TMPDIR to a folder without one.`,
    );
  return scratchFolder();
}

async function install(folder) {
  const env = {
    ...process.env,
    PATH: await pathWithCmake(),
    npm_config_nodedir: nodeHeaders(join(folder, 'node_modules')),
  };
  // What a user's npm may have set otherwise: packages for development, and install scripts, are needed.
  const options = ['--include=dev', '--include=optional', '--ignore-scripts=false'];
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const [program, args] = npm('ci', ...options, ...quiet);
  const { code, output } = await runQuietly(program, args, { cwd: folder, env });
  if (code !== 0) throw toFailure(output, folder);
  if (!isInstalled(join(folder, 'node_modules')))
    throw toFailure(`${output}\nnpm ended without an error, but did not run every install script.`, folder);
}

/** The npm that runs this, or the one on PATH. */
function npm(...args) {
  const script = process.env.npm_execpath;
  const isNpm = script !== undefined && basename(script) === 'npm-cli.js';
  return isNpm ? [process.execPath, [script, ...args]] : ['npm', args];
}

/** Whether a folder holds what package-lock.json names, by npm's own record, with all that install scripts make. */
export function isInstalled(folder = packages) {
  const record = readPackages(join(folder, '.package-lock.json'));
  if (record === undefined || !installedFiles(folder).every((file) => existsSync(file))) return false;
  return Object.entries(lockedPackages()).every(([path, { version, integrity, optional }]) => {
    const installed = record[path];
    if (installed === undefined) return optional === true;
    return installed.version === version && installed.integrity === integrity;
  });
}

function lockedPackages() {
  const { '': _, ...locked } = readPackages(join(root, 'package-lock.json')) ?? {};
  return locked;
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  } catch {
    return undefined;
  }
}

/** Tells how many packages have arrived, and then what takes the rest of the time. */
function countIn(folder) {
  const paths = Object.entries(lockedPackages())
    .filter(([, { optional, link }]) => !optional && !link)
    .map(([path]) => join(dirname(folder), path, 'package.json'));
  return () => {
    const arrived = paths.filter((path) => existsSync(path)).length;
    if (arrived < paths.length) return `${arrived} of ${paths.length}`;
    return 'compiling the runtime interface client';
  };
}

async function replacePackages(staged) {
  const ready = statSync(staged).dev === statSync(root).dev ? staged : await copyBeside(staged);
  const replaced = join(cache, `replaced-${process.pid}`);
  if (existsSync(packages)) renameSync(packages, replaced);
  renameSync(ready, packages);
  rmSync(replaced, { recursive: true, force: true });
}

/** A rename does not reach from one disk to another. */
async function copyBeside(staged) {
  const copy = join(cache, `install-${process.pid}`);
  const { code, output } = await runQuietly('cp', ['-a', staged, copy]);
  if (code !== 0) throw toFailure(output, root);
  return copy;
}

/** Removes what a set-up that was killed has left. */
function removeRemains() {
  for (const name of readdirSync(cache)) {
    if (/^(?:install|replaced)-\d+$/.test(name)) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

/** One line on why npm failed; its whole output is in a file. */
function toFailure(output, folder) {
  if (isDiskFull(output)) {
    const free = toMegabytes(freeBytes(root));
    return new SetupError(
      `the disk is full: ${free} MB are left in ${root}. Free ${toMegabytes(neededBytes)} MB there, and some in npm's cache and ${folder}, and run it again.`,
    );
  }
  const network = /\b(?:ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ERR_SOCKET_TIMEOUT)\b/.exec(
    output,
  );
  let advice = '';
  try {
    writeFileSync(log, output);
    advice = ` The whole output is in ${log}.`;
  } catch {
    // A line is better than none.
  }
  if (network) {
    return new SetupError(
      `npm cannot reach its registry (${network[0]}): check the network, the proxy and 'npm config get registry'.${advice}`,
    );
  }
  const lines = output.split('\n').filter((line) => /\berror\b/i.test(line));
  const reason = (lines[0] ?? output.trim().split('\n').at(-1) ?? '').replace(/^npm (?:error|ERR!)\s*/, '');
  return new SetupError(`the packages could not be installed: ${reason.trim()}${advice}`);
}
