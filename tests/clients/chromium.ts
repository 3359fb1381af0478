// Debian's Chromium, for tests that need a real browser.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const path = '/usr/bin/chromium';

/**
 * Returns Chromium's path. In CI it is installed, which needs root.
 *
 * @returns undefined where there is none; the tests are skipped then, and the line printed says so
 * @throws in CI, where a skipped test would be a failure that nobody sees
 */
export function findChromium(): string | undefined {
  if (existsSync(path)) return path;
  if (process.env.CI === 'true' && process.getuid?.() === 0) {
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], {
      stdio: 'ignore',
    });
    return path;
  }
  const message = 'There is no Chromium. Install it: apt-get install chromium';
  if (process.env.CI === 'true') throw new Error(message);
  console.warn(`SKIPPED, NOT PASSED: the playground in a browser. ${message}`);
  return undefined;
}
