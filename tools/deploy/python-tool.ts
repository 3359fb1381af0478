// Installs command-line tools from PyPI, each into its own folder, because their dependencies conflict.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../.cache/', import.meta.url));

/** A command to run, and the environment variables that it needs. */
export interface Tool {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

interface PythonToolOptions {
  /** The folder that the tools are installed into. Default: the project's `.cache`. */
  readonly folder?: string;
  /** Called before an installation, which takes a minute. */
  readonly onInstall?: () => void;
}

/** Installs packages in a tenth of pip's time. */
const uv = 'uv==0.13.9';

/**
 * Installs a tool on first use, atomically: a failed installation leaves nothing behind.
 *
 * @example await installPythonTool('cfn-lint==1.58.0', 'cfn-lint')
 * @throws when pip fails
 */
export async function installPythonTool(
  requirement: string,
  script: string,
  { folder = cache, onInstall }: PythonToolOptions = {},
): Promise<Tool> {
  const home = toHome(folder, requirement);
  if (!existsSync(home)) {
    onInstall?.();
    await installAtomically(home, (target) => installFast(requirement, target, folder));
  }
  return { command: ['python3', join(home, 'bin', script)], env: { PYTHONPATH: home } };
}

/**
 * Installs uv on first use, and returns the environment variables with which `python3 -m uv` finds it.
 *
 * @throws when pip fails
 */
export async function installUv(folder: string = cache): Promise<Tool['env']> {
  const home = toHome(folder, uv);
  if (!existsSync(home)) await installAtomically(home, (target) => installByPip(uv, target));
  return { PYTHONPATH: home };
}

function toHome(folder: string, requirement: string): string {
  return join(folder, requirement.replace('==', '-'));
}

async function installAtomically(home: string, install: (target: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(home), { recursive: true });
  const unfinished = await mkdtemp(`${home}-`);
  try {
    await install(unfinished);
    await rename(unfinished, home).catch((error: unknown) => {
      if (!existsSync(home)) throw error; // Else another process installed it first.
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function installFast(requirement: string, target: string, folder: string): Promise<void> {
  try {
    const env = { ...process.env, ...(await installUv(folder)) };
    await run('python3', ['-m', 'uv', 'pip', 'install', '--quiet', '--target', target, requirement], { env });
  } catch {
    // uv does not read pip's settings, which may name another index.
    await installByPip(requirement, target);
  }
}

async function installByPip(requirement: string, target: string): Promise<void> {
  await run('python3', ['-m', 'pip', 'install', '--quiet', '--target', target, requirement]);
}
