// Programs of Debian that the documents name. Their packages are unpacked into .cache: nothing is installed.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reportSkip } from './report-skip.ts';

const cache = fileURLToPath(new URL('../../.cache/debian', import.meta.url));

/**
 * Returns the path of a program, `/usr/sbin/nginx` for example, or of its copy from the package.
 *
 * @returns undefined where it cannot be had and the tests are skipped
 */
export function findDebianProgram(name: string, path: string): string | undefined {
  const copy = join(cache, name, path);
  if (existsSync(path)) return path;
  if (existsSync(copy)) return copy;
  mkdirSync(cache, { recursive: true });
  const unfinished = mkdtempSync(join(cache, `${name}-`));
  try {
    const silently = { cwd: unfinished, stdio: 'pipe' } as const;
    execFileSync('apt-get', ['download', '-qq', name], silently);
    execFileSync('sh', ['-c', 'dpkg -x *.deb .'], silently);
    execFileSync(join(unfinished, path), [name === 'nginx' ? '-v' : 'version'], silently);
    renameSync(unfinished, join(cache, name));
    return copy;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : error;
    reportSkip(
      `The configuration of ${name}`,
      `${dirname(path)} has no ${name}, and its package cannot be unpacked: ${reason}`,
    );
    return undefined;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
