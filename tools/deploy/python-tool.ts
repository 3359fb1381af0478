// Command-line tools from PyPI, each in a folder of its own beside the project: their dependencies conflict.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../.cache/', import.meta.url));

/** A command-line tool, and what it takes to run it. */
export interface Tool {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

interface PythonToolOptions {
  /** Where the tools' folders are. Default: the project's cache. */
  readonly folder?: string;
  /** Told before an installation, which takes a minute. */
  readonly onInstall?: () => void;
}

/**
 * A tool in a pinned version, such as `installPythonTool('cfn-lint==1.58.0', 'cfn-lint')`, installed on first use. An
 * installation lands whole or not at all.
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
        if (!existsSync(home)) throw error; // Otherwise another process was faster.
      });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  return { command: ['python3', join(home, 'bin', script)], env: { PYTHONPATH: home } };
}
