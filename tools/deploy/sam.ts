// Finds AWS's SAM CLI on PATH, or installs it from PyPI on first use.
import { spawnSync } from 'node:child_process';
import { installPythonTool, type Tool } from './python-tool.ts';

const requirement = 'aws-sam-cli==1.170.0';

interface SamOptions {
  /** The folder to install into. Default: the project's `.cache`. */
  readonly folder?: string;
  /** Called before an installation, which takes a minute. */
  readonly onInstall?: (requirement: string) => void;
}

/** Returns the `sam` on PATH if it runs, otherwise an installed one, with its telemetry turned off. */
export async function findSam({ onInstall, ...options }: SamOptions = {}): Promise<Tool> {
  const withoutTelemetry = { SAM_CLI_TELEMETRY: '0' };
  const { status } = spawnSync('sam', ['--version'], {
    stdio: 'ignore',
    env: { ...process.env, ...withoutTelemetry },
  });
  if (status === 0) return { command: ['sam'], env: withoutTelemetry };
  const tool = await installPythonTool(requirement, 'sam', {
    ...options,
    onInstall: () => onInstall?.(requirement),
  });
  return { ...tool, env: { ...tool.env, ...withoutTelemetry } };
}
