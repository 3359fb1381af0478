// AWS's SAM CLI: the machine's own, or the one on PyPI, installed beside the project on first use.
import { spawnSync } from 'node:child_process';
import { installPythonTool, type Tool } from './python-tool.ts';

const requirement = 'aws-sam-cli==1.170.0';

interface SamOptions {
  /** Where an installation goes. Default: the project's cache. */
  readonly folder?: string;
  /** Told before an installation, which takes a minute. */
  readonly onInstall?: (requirement: string) => void;
}

/** Finds the `sam` on PATH, or installs one. It sends no telemetry. */
export async function findSam({ onInstall, ...options }: SamOptions = {}): Promise<Tool> {
  const silence = { SAM_CLI_TELEMETRY: '0' };
  const { status } = spawnSync('sam', ['--version'], {
    stdio: 'ignore',
    env: { ...process.env, ...silence },
  });
  if (status === 0) return { command: ['sam'], env: silence };
  const tool = await installPythonTool(requirement, 'sam', {
    ...options,
    onInstall: () => onInstall?.(requirement),
  });
  return { ...tool, env: { ...tool.env, ...silence } };
}
