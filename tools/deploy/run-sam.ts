// Runs the SAM CLI in this terminal, from the project's root.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DeployError, toDeployError } from './errors.ts';
import type { Tool } from './python-tool.ts';
import { findSam } from './sam.ts';
import type { ParameterValues } from './template-parameters.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Finds the SAM CLI, or installs it and prints a line about it.
 *
 * @throws {DeployError} `missing-tool` when pip cannot install it
 */
export async function prepareSam(print: (line: string) => void): Promise<Tool> {
  try {
    return await findSam({
      onInstall: (requirement) => print(`Installing ${requirement}; this takes a minute.`),
    });
  } catch (error) {
    const message = `The SAM CLI is missing, and pip could not install it: ${toDeployError(error, 'pip').message}`;
    throw new DeployError('missing-tool', message, { cause: error });
  }
}

/**
 * Runs a SAM command to its end. Passes an interruption on as SIGINT and waits, so that the command can clean up.
 *
 * @throws {DeployError} `sam-failed`; the command itself has printed the reason
 */
export async function runSam(tool: Tool, args: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const [program, ...first] = tool.command;
  const child = spawn(program, [...first, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...tool.env },
  });
  const interrupt = () => child.kill('SIGINT');
  signal.addEventListener('abort', interrupt);
  try {
    const [code, endedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code === 0) return;
    const how = code === null ? `was ended by ${endedBy}` : `failed with exit code ${code}`;
    throw new DeployError('sam-failed', `sam ${args[0]} ${how}: see its output above.`);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

/** Formats parameters for the SAM CLI. The quotation marks allow empty values and spaces. */
export function toOverrides(values: ParameterValues): readonly string[] {
  return ['--parameter-overrides', ...Object.entries(values).map(([name, value]) => `${name}="${value}"`)];
}
