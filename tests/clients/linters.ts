// Linters from PyPI at exact versions, each in a folder of its own.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { installPythonTool } from '../../tools/deploy/python-tool.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

const versions = { 'cfn-lint': '1.58.0', checkov: '3.3.30', 'check-jsonschema': '0.39.0' } as const;

/** The timeout for installing a linter, in milliseconds. It takes up to a minute, and only once. */
export const linterTimeout = 600_000;

/** The result of a linter: its exit code, and all that it printed. */
interface Linted {
  readonly code: number;
  readonly output: string;
}

/** Runs a linter in the project's root. Does not throw for its findings. */
export async function lint(name: keyof typeof versions, ...args: readonly string[]): Promise<Linted> {
  const { command, env } = await installPythonTool(`${name}==${versions[name]}`, name);
  const [program, ...first] = command;
  const options = { cwd: root, env: { ...process.env, ...env, AWS_DEFAULT_REGION: 'eu-central-1' } };
  return new Promise((resolve) => {
    execFile(program, [...first, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr }),
    );
  });
}
