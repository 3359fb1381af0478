// Installs command-line tools from PyPI, each into its own folder, because their dependencies conflict.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
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
  const home = join(folder, requirement.replace('==', '-'));
  if (!existsSync(home)) {
    onInstall?.();
    await mkdir(folder, { recursive: true });
    const unfinished = await mkdtemp(`${home}-`);
    try {
      await run('python3', ['-m', 'pip', 'install', '--quiet', '--target', unfinished, requirement]);
      await rename(unfinished, home).catch((error: unknown) => {
        if (!existsSync(home)) throw error; // Else another process installed it first.
      });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  return { command: ['python3', join(home, 'bin', script)], env: { PYTHONPATH: home } };
}
