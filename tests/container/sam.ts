// AWS's SAM CLI and cfn-lint, from PyPI, installed beside the project on first use.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const packages = ['aws-sam-cli==1.170.0', 'cfn-lint==1.58.0'];
const folder = `${root}.cache/${packages.join('+').replaceAll('==', '-')}`;

/** Installs the tools unless they are there. */
export async function installSam(): Promise<void> {
  if (existsSync(`${folder}/bin/sam`)) return;
  await run('python3', ['-m', 'pip', 'install', '--quiet', '--target', folder, ...packages]);
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one of the tools in the project's root. Throws with its output when it fails. */
export async function tool(name: 'sam' | 'cfn-lint', ...args: string[]): Promise<Output> {
  return run('python3', [`${folder}/bin/${name}`, ...args], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PYTHONPATH: folder, SAM_CLI_TELEMETRY: '0', AWS_DEFAULT_REGION: 'eu-central-1' },
  });
}
