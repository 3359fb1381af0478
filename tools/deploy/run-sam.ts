// Runs the SAM CLI on this terminal, from the project's root.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DeployError, toDeployError } from './errors.ts';
import type { Tool } from './python-tool.ts';
import { findSam } from './sam.ts';
import type { ParameterValues } from './template-parameters.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Finds the SAM CLI, or installs it, which `say` tells.
 *
 * @throws {DeployError} `missing-tool` when it cannot be installed
 */
export async function prepareSam(say: (line: string) => void): Promise<Tool> {
  try {
    return await findSam({
      onInstall: (requirement) => say(`Installing ${requirement}, which takes a minute.`),
    });
  } catch (error) {
    const message = `The SAM CLI is missing, and Python's pip could not install it: ${toDeployError(error, 'pip').message}`;
    throw new DeployError('missing-tool', message, { cause: error });
  }
}

/**
 * Runs one of its commands to the end. An interruption is handed on, and the command waited for: it may have something to
 * put in order.
 *
 * @throws {DeployError} `sam-failed`; what was wrong has been on the terminal
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
    throw new DeployError('sam-failed', `sam ${args[0]} ${how}; what it said is above.`);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

/** Parameters as the SAM CLI takes them. Quotation marks keep empty values, and blanks in them, together. */
export function toOverrides(values: ParameterValues): readonly string[] {
  return ['--parameter-overrides', ...Object.entries(values).map(([name, value]) => `${name}="${value}"`)];
}
