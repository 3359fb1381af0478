// Runs the npm script `batch` with a fake Node.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

/** Returns a variable that the script gives to Node. */
function variableOfNode(name: string, env: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'batch-script-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const bin = join(folder, 'node_modules/.bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(
    join(bin, 'node'),
    `#!/bin/sh\nif [ "$1" = tools/batch/cli.ts ]; then printenv ${name}; fi\n`,
  );
  chmodSync(join(bin, 'node'), 0o755);
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { batch: string } };
  return execFileSync('/bin/sh', ['-c', scripts.batch], {
    cwd: folder,
    env: { PATH: `${bin}:/usr/bin:/bin`, ...env },
    encoding: 'utf8',
  });
}

it('npm run batch has glibc share one heap between all threads, unless the environment says otherwise', () => {
  expect(variableOfNode('MALLOC_ARENA_MAX')).toBe('1\n');
  expect(variableOfNode('MALLOC_ARENA_MAX', { MALLOC_ARENA_MAX: '4' })).toBe('4\n');
});
