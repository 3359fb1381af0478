// GitHub's workflows, checked by actionlint: their expressions, runners, actions' inputs and shell scripts.
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { reportSkip } from './report-skip.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

it('the workflows have no fault', { timeout: 300_000 }, async ({ skip }) => {
  const workflows = globSync('{.github/workflows/*.yml,examples/*.yml}', { cwd: root });
  // Go compiles it on first use, in a minute.
  const actionlint = ['run', 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12'];
  const { stdout } = await execute('go', [...actionlint, ...workflows], { cwd: root }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      reportSkip('The workflows', 'There is no go, which compiles actionlint.');
      return skip();
    },
  );

  expect(workflows.length).toBeGreaterThan(4);
  expect(stdout).toBe('');
});
