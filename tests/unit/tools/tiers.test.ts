// `npm test` on a machine without a container engine.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../run.ts', import.meta.url));

function runContainerTier(env: Readonly<Record<string, string>>) {
  const { status, stdout } = spawnSync(process.execPath, [script, 'container'], {
    encoding: 'utf8',
    env: { PATH: '', ...env },
  });
  return { status, stdout };
}

const notRun = "container  NOT RUN, NOT PASSED: there is no container engine (no 'docker' command)";

it('names a tier that could not run', () => {
  const { status, stdout } = runContainerTier({ CI: 'true' });

  expect(stdout).toContain(notRun);
  expect(status).toBe(0);
});

it('fails for a tier that could not run with REQUIRE_ALL_TIERS=true', () => {
  const { status, stdout } = runContainerTier({ REQUIRE_ALL_TIERS: 'true' });

  expect(stdout).toContain(notRun);
  expect(status).toBe(1);
});
